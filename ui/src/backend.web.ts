// The screens on a backend without Tauri: a small world that answers like the application, for
// tests in a browser and for looking at every state.

import { type Backend, bounded } from "./backend";
import type {
  AccountView,
  Answer,
  Askable,
  Code,
  LaneView,
  RunView,
  Shown,
  View,
  WeekView,
  WindowView,
} from "./bindings";
import { AMOUNTS, noticeSwitches } from "./bindings";
import { DAY_MS, HOUR_MS } from "./format";
import { decisions, samples, stranded, swaps } from "./rows.web";

const window = (used: number | null, resetsAtMs: number | null): WindowView => ({
  used,
  resets_at_ms: resetsAtMs,
  emptied_at_ms: null,
  read_at_ms: null,
  span_ms: 7 * DAY_MS,
});

function account(id: number, label: string, now: number): AccountView {
  return {
    id,
    provider: "claude",
    label,
    email: `${label.toLowerCase()}@example.com`,
    organization: null,
    plan: "Max 20x",
    live: false,
    enabled: true,
    automatic: true,
    login: "valid",
    login_ends_at_ms: now + 21 * DAY_MS,
    login_health: {
      since_ms: now - 7 * DAY_MS,
      access_ends_at_ms: now + 6 * HOUR_MS,
      proven_at_ms: now - 70_000,
      warn_days: null,
      also_in: null,
    },
    windows: own(window(12, now + 3.4 * HOUR_MS), window(35, now + 4 * DAY_MS)),
    blocked: null,
    observed_at_ms: now - 70_000,
    refreshing: false,
    tier: 2,
    target: 60,
    stranding: 0,
    refusal: "outranked",
    problem: null,
    rests_until_ms: null,
    resets: null,
    resets_withheld: false,
    fell: [],
    forecasts: {
      five_hour: { p50: 61, p90: 88, low: 34, high: 88, resets_at_ms: now + 3.4 * HOUR_MS },
      seven_day: { p50: 22, p90: 41, low: 6, high: 44, resets_at_ms: now + 4 * DAY_MS },
    },
  };
}

/** The windows of an account as a whole; one that is not there is `null`. */
function own(short: WindowView | null, week: WindowView): AccountView["windows"] {
  const both = [{ kind: "seven_day", window: week, amounts: null }];
  if (short === null) return both;
  const window = { ...short, span_ms: 5 * HOUR_MS };
  return [{ kind: "five_hour", window, amounts: null }, ...both];
}

/** A login that is so many days old and has so many left. */
function aged(now: number, days: number, left: number, warn: number | null) {
  const health = account(0, "", now).login_health;
  return {
    login_ends_at_ms: now + left * DAY_MS,
    login_health: { ...health, since_ms: now - days * DAY_MS, warn_days: warn },
  };
}

function accounts(now: number): AccountView[] {
  return [
    {
      ...account(1, "Work", now),
      organization: "Acme GmbH",
      live: true,
      windows: [
        ...own(window(64, now + 1.7 * HOUR_MS), window(78, now + 1.2 * DAY_MS)),
        { kind: "Opus", window: window(91, now + 1.2 * DAY_MS), amounts: null },
      ],
      tier: 1,
      target: 82,
      refusal: "active",
      forecasts: {
        five_hour: { p50: 4, p90: 15, low: 0, high: 19, resets_at_ms: now + 1.7 * HOUR_MS },
        seven_day: { p50: 3, p90: 9, low: 0, high: 11, resets_at_ms: now + 1.2 * DAY_MS },
      },
    },
    {
      ...account(2, "Personal", now),
      plan: "Max 5x",
      windows: own(window(0, null), window(41, now + 19 * HOUR_MS)),
      tier: 0,
      resets: {
        left: 2,
        ends_at_ms: now + 5.3 * DAY_MS,
        grants: [],
        said_by: "endpoint",
        read_at_ms: now - 2 * HOUR_MS,
        counsel: { now: true, at_ms: now + 19 * HOUR_MS, freed: 41, window: "seven_day" },
      },
      target: 97,
      stranding: 23.4,
      refusal: "none",
      forecasts: {
        five_hour: null,
        seven_day: { p50: 31, p90: 52, low: 18, high: 55, resets_at_ms: now + 19 * HOUR_MS },
      },
    },
    {
      ...account(3, "Studio", now),
      login: "needs_sign_in",
      login_ends_at_ms: null,
      windows: own(window(null, null), window(55, now + 5 * DAY_MS)),
      tier: 3,
      target: 40,
      refusal: "needs_sign_in",
    },
    {
      ...account(4, "Spare", now),
      plan: "Ultra",
      windows: own(null, window(35, now + 4 * DAY_MS)),
      forecasts: { ...account(4, "Spare", now).forecasts, five_hour: null },
      automatic: false,
      ...aged(now, 27.4, 2.6, 3),
      refusal: "not_automatic",
    },
  ];
}

function view(now: number): View {
  return {
    schema: "sluice/view/1",
    revision: 1,
    at_ms: now,
    stopped: false,
    first_start: false,
    providers: [
      {
        provider: "claude",
        mode: "advise",
        paused_until_ms: null,
        live: 1,
        unmanaged_login: false,
        observe_only: null,
        next_poll_at_ms: now + 60_000,
        advice: null,
        after_turn: null,
        run_out: { window: "five_hour", at_ms: now + 25 * 60_000 },
      },
    ],
    accounts: accounts(now),
    needs_you: [],
    swapping: null,
    bulk: null,
    swaps_last_24h: 2,
    last_decision: null,
    lanes: lanes(now),
    runs: runs(now),
    caps: [
      {
        provider: "claude",
        account: null,
        ceilings: { concurrent: 6, per_hour: null, per_day: null },
      },
      { provider: "claude", account: 4, ceilings: { concurrent: 1, per_hour: null, per_day: 20 } },
    ],
    week: week(now),
  };
}

/** Work, then Personal before its reset, then Spare, then Work again. */
function week(now: number): WeekView {
  const turns: [account: number, fromH: number, untilH: number][] = [
    [1, 0, 0.5],
    [2, 0.5, 19],
    [1, 19, 62],
    [4, 62, 104],
    [2, 104, 168],
  ];
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const days = [0, 1, 2, 3, 4, 5, 6, 7].map((count) => midnight + count * DAY_MS);
  const works = days.filter((at) => ![0, 6].includes(new Date(at).getDay()));
  return {
    stretches: turns.map(([account, from, until]) => ({
      account,
      from_ms: now + from * HOUR_MS,
      until_ms: now + until * HOUR_MS,
    })),
    work: works.map((at) => ({ from_ms: at + 9 * HOUR_MS, until_ms: at + 18.5 * HOUR_MS })),
  };
}

function lanes(now: number): LaneView[] {
  const lane = (id: number, name: string, active: number, rest: Partial<LaneView>): LaneView => ({
    id,
    provider: "claude",
    name,
    folder: null,
    active,
    generation: 3,
    since_ms: now - 2 * HOUR_MS,
    automatic: true,
    ready: [1, 2],
    ...rest,
  });
  return [
    lane(1, "default", 1, { ready: [1, 2, 3, 4] }),
    lane(2, "shop", 2, { folder: "/home/me/projects/shop" }),
    lane(3, "night builds", 1, { automatic: false, since_ms: now - 9 * HOUR_MS }),
  ];
}

function runs(now: number): RunView[] {
  const run = (id: string, minutes: number, rest: Partial<RunView>): RunView => ({
    id,
    provider: "claude",
    account: 1,
    lane: 1,
    label: null,
    folder: "/home/me/projects/sluice",
    program: "claude",
    pid: 4242,
    since_ms: now - minutes * 60_000,
    unknown: false,
    mid_turn: false,
    shadowed: [],
    ...rest,
  });
  return [
    run("a", 184, { pid: 3127, mid_turn: true }),
    run("b", 42, {
      lane: 2,
      account: 2,
      label: "checkout tests",
      folder: "/home/me/projects/shop",
      pid: 5550,
    }),
    run("c", 1_700, { lane: 3, label: "nightly", unknown: true, folder: "/srv/builds", pid: 88 }),
    run("d", 3, { account: null, shadowed: ["ANTHROPIC_API_KEY"], pid: 6001, folder: null }),
  ];
}

/** States worth looking at, by name: `?scenario=…`. */
const SCENARIOS: Record<string, (view: View, now: number) => void> = {
  afternoon: (view) => {
    view.providers[0]!.advice = {
      to: 2,
      reason: "Personal resets in 19 h and would lose 23 % of its week.",
      decision: 19,
      cause: "advice:claude:2",
    };
  },
  quiet: () => {},
  nobody: (view) => {
    view.accounts[0]!.live = false;
    view.providers[0]!.live = null;
    view.providers[0]!.run_out = null;
    view.week.stretches = [];
  },
  tiered: (view, now) => {
    view.week.stretches = [];
    view.providers[0]!.run_out = null;
    view.accounts[1]!.windows = own(window(88, now - HOUR_MS), window(97, now + 3 * DAY_MS));
    view.accounts[3]!.windows = own(null, window(100, now + 2 * DAY_MS));
  },
  twelve: (view, now) => {
    view.accounts = Array.from({ length: 12 }, (_, index) => {
      const resets_at_ms = now + (0.5 + ((index * 5) % 13) / 2) * DAY_MS;
      const p50 = (index * 7) % 31;
      return {
        ...account(index + 1, `Account ${index + 1}`, now),
        windows: own(
          window((index * 17) % 100, now + (1 + (index % 4)) * HOUR_MS),
          window((index * 29) % 100, resets_at_ms),
        ),
        forecasts: {
          five_hour: null,
          seven_day: { p50, p90: p50 + 10, low: p50 / 2, high: p50 + 12, resets_at_ms },
        },
      };
    });
    view.accounts[0]!.live = true;
  },
  both: (view, now) => {
    const codex = { ...account(5, "Codex Pro", now), provider: "codex" as const, plan: "Pro" };
    view.accounts.push({ ...codex, live: true, windows: own(null, window(48, now + 2 * DAY_MS)) });
    view.providers.push({
      ...view.providers[0]!,
      provider: "codex",
      mode: "auto",
      live: 5,
      run_out: null,
      paused_until_ms: now + HOUR_MS,
    });
  },
  first: (view) => {
    view.first_start = true;
  },
  empty: (view) => {
    view.accounts = [];
    view.providers[0]!.live = null;
    view.providers[0]!.unmanaged_login = true;
  },
  stopped: (view) => {
    view.stopped = true;
  },
  trouble: (view, now) => {
    view.needs_you = [
      {
        code: "sign_in",
        account: 3,
        text: "Its login was refused. The kept login stays in the keychain. Sign in with claude, then choose “Add account”.",
      },
    ];
    view.providers[0]!.observe_only =
      "The keychain is locked. Unlock it; Sluice looks again by itself.";
    view.providers[0]!.paused_until_ms = now + 40 * 60_000;
    view.providers[0]!.mode = "auto";
  },
  logins: (view, now) => {
    view.accounts = [
      { ...account(1, "Fresh", now), live: true, ...aged(now, 0.1, 29.5, null) },
      { ...account(2, "Week", now), ...aged(now, 23.2, 6.4, 7) },
      { ...account(3, "Three days", now), ...aged(now, 27.4, 2.6, 3) },
      { ...account(4, "One day", now), ...aged(now, 29.6, 0.4, 1) },
      { ...account(5, "Past", now), ...aged(now, 30.2, -0.2, 1) },
      { ...account(6, "Unknown end", now), login_ends_at_ms: null },
    ];
    view.accounts[1]!.login_health.also_in = "/home/me/.claude-old/.credentials.json";
    view.bulk = { begun_at_ms: now - 20_000, total: 6, read: 2, throttled: 1, failed: 0 };
  },
  markup: (view) => {
    view.accounts[0]!.label = "<img src=x onerror=alert(1)>";
    view.accounts[0]!.email = "<b>bold</b>@example.com";
    view.needs_you = [{ code: "stuck_swap", account: 1, text: "<script>alert(1)</script>" }];
  },
};

/** A backend whose world is a scenario; requests change it the way the driver would. */
export function web(scenario: string): Backend {
  const now = Date.now();
  const world = view(now);
  SCENARIOS[scenario]?.(world, now);
  const settings = defaults();
  const listeners = new Set<(shown: Shown) => void>();
  const shown = (): Shown => ({
    now_ms: Date.now(),
    version: "0.1.0",
    trouble: null,
    view: structuredClone(world),
  });
  const publish = () => {
    world.revision += 1;
    for (const listener of listeners) listener(shown());
  };
  const answer = async (request: Askable): Promise<Answer> => {
    if (request.verb === "read_all") return readAll(world, publish);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const result = act(world, settings, request);
    publish();
    return result;
  };
  return {
    view: async () => shown(),
    onView(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    call: (request) => bounded(request, answer(request)),
    close: () => {},
  };
}

const rest = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

/** One account after the other, as the driver reads them. */
async function readAll(world: View, publish: () => void): Promise<Answer> {
  const bulk = {
    begun_at_ms: Date.now(),
    total: world.accounts.length,
    read: 0,
    throttled: 0,
    failed: 0,
  };
  world.bulk = bulk;
  for (const one of world.accounts) {
    publish();
    await rest(400);
    if (one.login === "needs_sign_in") bulk.failed += 1;
    else bulk.read += 1;
  }
  world.bulk = null;
  publish();
  return { answer: "bulk", ...bulk };
}

function defaults(): Record<string, unknown> {
  const values: Record<string, unknown> = {
    "work.hours": "09:00-18:30",
    "work.days": [1, 2, 3, 4, 5],
    "work.learn": false,
    "quiet.hours": "22:00-07:00",
    policy: "horizon",
    critical_percent: 90,
    warning_percent: 80,
    poll_seconds: 300,
    turn_wait_seconds: 120,
    ask_tool: false,
  };
  for (const notice of noticeSwitches) values[`notify.${notice.kind}`] = notice.on_at_first;
  return values;
}

const done: Answer = { answer: "done" };
const refused = (code: Code, text: string): Answer => ({
  answer: "refused",
  code,
  text,
  retry_after_s: null,
});

/** The settings that the chosen policy does not read. */
function idle(settings: Record<string, unknown>): string[] {
  const amounts = Object.entries(AMOUNTS);
  return amounts
    .filter(([, { policy }]) => policy !== null && policy !== settings.policy)
    .map(([key]) => key);
}

function act(world: View, settings: Record<string, unknown>, request: Askable): Answer {
  const now = Date.now();
  const provider = world.providers[0]!;
  switch (request.verb) {
    case "decisions":
      return { answer: "decisions", rows: decisions(now) };
    case "swaps":
      return { answer: "swaps", rows: swaps(now) };
    case "history":
      return { answer: "history", rows: samples(now, request.since_ms), fell: [], others: [] };
    case "stranded":
      return { answer: "stranded", rows: stranded(now) };
    case "replay":
      return {
        answer: "compared",
        policy: request.policy,
        since_ms: request.since_ms,
        until_ms: now,
        recorded: { served: 412.3, stranded: 61.2, interrupted: 0, interrupted_min: 0, swaps: 31 },
        instead: {
          served: 398.8,
          stranded: 74.9,
          interrupted: 13.5,
          interrupted_min: 96,
          swaps: 18,
        },
      };
    case "settings":
      return { answer: "settings", values: settings, idle: idle(settings) };
    case "set":
      settings[request.key] = request.value;
      return done;
    case "stop":
    case "start":
      world.stopped = request.verb === "stop";
      return done;
    case "set_mode":
      provider.mode = request.mode;
      world.first_start = false;
      return done;
    case "pause":
      provider.paused_until_ms = request.until_ms;
      return done;
    case "resume":
      provider.paused_until_ms = null;
      return done;
    case "point_lane": {
      const lane = world.lanes.find((one) => one.id === request.lane)!;
      lane.active = request.to;
      lane.generation += 1;
      lane.since_ms = now;
      return done;
    }
    case "set_lane_automatic":
      world.lanes.find((one) => one.id === request.lane)!.automatic = request.automatic;
      return done;
    case "release":
      world.runs = world.runs.filter((run) => run.id !== request.execution);
      return done;
    case "set_cap": {
      const same = (one: { provider: string; account: number | null }) =>
        one.provider === request.provider && one.account === request.account;
      const { provider, account, ceilings } = request;
      world.caps = [...world.caps.filter((one) => !same(one)), { provider, account, ceilings }];
      return done;
    }
    case "add":
      provider.unmanaged_login = false;
      return refused(
        "not_signed_in",
        "Claude Code is signed in to an account that is kept already.",
      );
    default:
      return actOnAccount(world, request);
  }
}

function actOnAccount(world: View, request: Askable): Answer {
  const provider = world.providers[0]!;
  const of = (id: number) => world.accounts.find((account) => account.id === id)!;
  switch (request.verb) {
    case "swap":
      if (!of(request.to).enabled) return refused("stopped", "The account is switched off.");
      for (const one of world.accounts) one.live = one.id === request.to;
      world.week.stretches = [];
      provider.live = request.to;
      provider.advice = null;
      return done;
    case "rename":
      of(request.account).label = request.label;
      return done;
    case "set_enabled":
      of(request.account).enabled = request.enabled;
      return done;
    case "set_resets":
      of(request.account).resets =
        request.count === null
          ? null
          : {
              left: request.count,
              ends_at_ms: request.until_ms,
              grants: [],
              said_by: "person",
              read_at_ms: Date.now(),
              counsel: null,
            };
      return done;
    case "set_automatic":
      of(request.account).automatic = request.automatic;
      return done;
    case "reorder":
      world.accounts = request.accounts.map(of);
      return done;
    case "remove":
      world.accounts = world.accounts.filter((account) => account.id !== request.account);
      return done;
    case "snooze":
      provider.advice = null;
      return done;
    default:
      return done;
  }
}
