// Generated from src-tauri/driver/src/api.rs by the test `bindings` of sluice-app; do not edit.
// Write it anew with: SLUICE_BLESS=1 cargo test -p sluice-app bindings

// A view with the driver's clock at the moment it was handed over, so that the page can count down
// without trusting that both clocks agree.
export interface Shown {
  // Milliseconds since the Unix epoch.
  now_ms: number;
  // The application's version.
  version: string;
  // Why there is no driver, when there is none.
  trouble: string | null;
  // The view; empty until the driver has published one.
  view: View;
}

// Everything a front end draws. Instants are milliseconds since the Unix epoch, shares percent.
export interface View {
  // `sluice/view/1`.
  schema: string;
  // Grows by one at each published change.
  revision: number;
  // When it was made.
  at_ms: number;
  // The kill switch: nothing is polled and nothing swapped until a person starts it again.
  stopped: boolean;
  // First start: the person has not chosen a mode yet.
  first_start: boolean;
  // Per provider, in display order; only providers that are present or configured.
  providers: ProviderView[];
  // Every account in the person's order.
  accounts: AccountView[];
  // Things only a person can mend, most urgent first.
  needs_you: NeedsYou[];
  // The swap being carried out now.
  swapping: Swapping | null;
  // How far the reading of every account has come, while one is under way.
  bulk: BulkView | null;
  // Committed swaps in the last 24 hours.
  swaps_last_24h: number;
  // The newest decision in words.
  last_decision: DecisionView | null;
}

// One provider's state.
export interface ProviderView {
  // Which.
  provider: Provider;
  // What Sluice may do here.
  mode: Mode;
  // Automatic swaps rest until then.
  paused_until_ms: number | null;
  // The account whose credential is in the seat.
  live: AccountId | null;
  // A login sits in the seat that Sluice does not keep yet.
  unmanaged_login: boolean;
  // Why nothing is written at the moment (keychain locked, seat unreadable …), for people.
  observe_only: string | null;
  // When the live account's usage is read next.
  next_poll_at_ms: number | null;
  // The swap that is advised now.
  advice: Advice | null;
}

// The company whose service is used and metered.
export type Provider =
  | "claude"
  | "codex";

// What Sluice may do by itself, per provider.
export type Mode =
  | "off"
  | "advise"
  | "auto";

// One subscription of one person with one provider; the ledger's row id.
export type AccountId = number;

// An advised swap.
export interface Advice {
  // The account to make live.
  to: AccountId;
  // Why, in a sentence.
  reason: string;
  // The decision behind it.
  decision: number;
}

// One account.
export interface AccountView {
  // Opaque id.
  id: AccountId;
  // Whose subscription.
  provider: Provider;
  // The name the person gave, or one made of what the tool says.
  label: string;
  // Mail address, for the accounts page only; never logged or notified.
  email: string | null;
  // Organisation's name.
  organization: string | null;
  // Plan in words (`Max 20x`).
  plan: string | null;
  // Its credential is in the seat now.
  live: boolean;
  // Switched on.
  enabled: boolean;
  // May be chosen by automatic swaps.
  automatic: boolean;
  // State of the login.
  login: Login;
  // When the login itself ends, however often it is refreshed.
  login_ends_at_ms: number | null;
  // How the login does.
  login_health: LoginHealth;
  // The 5-hour window.
  five_hour: WindowView;
  // The weekly window.
  seven_day: WindowView;
  // Weekly windows of single models.
  models: ModelView[];
  // When the numbers were true.
  observed_at_ms: number | null;
  // The usage request is under way.
  refreshing: boolean;
  // Tier in the last decision: 0–3, 4 = excluded.
  tier: number | null;
  // Target of the weekly window, percent.
  target: number | null;
  // Percent that will expire unused at the weekly reset.
  stranding: number | null;
  // Why it was not chosen in the last decision.
  refusal: Refusal | null;
  // The last thing that went wrong with it, for people.
  problem: string | null;
}

// Whether the account's login can be used.
export type Login =
  | "valid"
  | "unverified"
  | "needs_sign_in"
  | "missing";

// Age, deadlines and proof of a login.
export interface LoginHealth {
  // When this sign-in was first seen here: its age counts from then.
  since_ms: number | null;
  // When the present access token ends; it is renewed before.
  access_ends_at_ms: number | null;
  // When the provider took the login last.
  proven_at_ms: number | null;
  // The login ends within so many days: 7, 3 or 1; `None` while that is further away or unknown.
  warn_days: number | null;
  // Another place on this machine holds the same login, so that either spends the other's tokens.
  also_in: string | null;
}

// One window on the screen.
export interface WindowView {
  // Used share in percent; `None` is unknown.
  used: number | null;
  // When it empties.
  resets_at_ms: number | null;
}

// One model's weekly window on the screen.
export interface ModelView {
  // The provider's name of it.
  model: string;
  // The window.
  window: WindowView;
}

// Why a candidate was not chosen.
export type Refusal =
  | "active"
  | "disabled"
  | "failing"
  | "needs_sign_in"
  | "no_credential"
  | "not_automatic"
  | "no_reset"
  | "usage_unknown"
  | "not_behind"
  | "no_weekly_headroom"
  | "no_short_headroom"
  | "skipped"
  | "model_exhausted"
  | "would_bill"
  | "stale"
  | "outranked"
  | "none";

// Something only a person can mend.
export interface NeedsYou {
  // Stable code: `sign_in`, `keychain`, `seat_unreadable`, `stuck_swap`, `disk_full`, …
  code: string;
  // The account concerned.
  account: AccountId | null;
  // What happened, what was kept, what to do next.
  text: string;
}

// A swap under way.
export interface Swapping {
  // Whose seat.
  provider: Provider;
  // The account that leaves; `None` when the seat was empty.
  from: AccountId | null;
  // The account that comes.
  to: AccountId;
}

// How far a reading of every account has come.
export interface BulkView {
  // When it began.
  begun_at_ms: number;
  // Accounts in all.
  total: number;
  // Read anew.
  read: number;
  // Left as they are: asked about too lately or too often.
  throttled: number;
  // Could not be read.
  failed: number;
}

// One decision on the screen.
export interface DecisionView {
  // Ledger row.
  id: number;
  // When.
  at_ms: number;
  // Whose seat.
  provider: Provider;
  // `stay`, `swap` or `advise`.
  action: string;
  // The branch.
  trigger: Trigger;
  // Who was active.
  active: AccountId | null;
  // Who was chosen or would have been.
  target: AccountId | null;
  // The decision in a sentence.
  sentence: string;
  // The candidates as the engine saw them.
  candidates: Candidate[];
}

// The branch that was taken; set by the branch, never parsed from text.
export type Trigger =
  | "tick"
  | "emergence_pending"
  | "residency_blocked"
  | "cooldown_blocked"
  | "no_target"
  | "swap_aborted"
  | "higher_tier_emerged"
  | "intra_tier_preempted"
  | "tier_drained"
  | "forced_critical"
  | "burn_rate"
  | "failure_reported"
  | "manual"
  | "plan_improved";

// One account as it stood in the decision, all numbers against the damped tier really used.
export interface Candidate {
  // Which.
  account: AccountId;
  // Damped tier 0–3, 4 = excluded.
  tier: number;
  // Target utilisation, percent.
  target: number | null;
  // Target minus weekly use, percent.
  deficit: number | null;
  // Percent that will expire unused.
  stranding: number | null;
  // What choosing it is worth over staying, in percent of a pro plan's 5-hour window (`horizon`).
  value: number | null;
  // Why it lost.
  refusal: Refusal;
}

// What a front end may ask. Every request is idempotent or carries ids that must exist.
export type Request =
  | { verb: "status" }
  | { verb: "watch" }
  | {
      verb: "add";
      // Whose tool.
      provider: Provider;
      // A name for it.
      label: string | null;
    }
  | {
      verb: "remove";
      // Which.
      account: AccountId;
    }
  | {
      verb: "rename";
      // Which.
      account: AccountId;
      // 1–50 characters.
      label: string;
    }
  | {
      verb: "reorder";
      // The order.
      accounts: AccountId[];
    }
  | {
      verb: "set_enabled";
      // Which.
      account: AccountId;
      // On.
      enabled: boolean;
    }
  | {
      verb: "set_automatic";
      // Which.
      account: AccountId;
      // May be chosen.
      automatic: boolean;
    }
  | {
      verb: "swap";
      // Which.
      to: AccountId;
    }
  | {
      verb: "report";
      // The account the tool was launched on.
      account: AccountId;
      // The lane's generation at launch.
      generation: Generation;
      // The login was refused (otherwise: a limit is reached).
      auth: boolean;
      // The window that is full: `five_hour`, `seven_day` or a model's name.
      window: string;
      // When it happened.
      failed_at_ms: number;
      // When the window empties.
      resets_at_ms: number | null;
    }
  | {
      verb: "pause";
      // Whose; all when absent.
      provider: Provider | null;
      // Until then.
      until_ms: number;
    }
  | {
      verb: "resume";
      // Whose; all when absent.
      provider: Provider | null;
    }
  | {
      verb: "set_mode";
      // Whose.
      provider: Provider;
      // What.
      mode: Mode;
    }
  | { verb: "stop" }
  | { verb: "start" }
  | {
      verb: "refresh";
      // Only this one.
      account: AccountId | null;
    }
  | {
      verb: "renew";
      // Which.
      account: AccountId;
    }
  | {
      verb: "read_usage";
      // Which.
      account: AccountId;
    }
  | {
      verb: "validate";
      // Which.
      account: AccountId;
    }
  | { verb: "read_all" }
  | {
      verb: "decisions";
      // At most this many (1–1000).
      limit: number;
      // Only older than this row.
      before: number | null;
    }
  | {
      verb: "swaps";
      // At most this many (1–1000).
      limit: number;
    }
  | {
      verb: "history";
      // Which.
      account: AccountId;
      // From then.
      since_ms: number;
    }
  | { verb: "settings" }
  | {
      verb: "set";
      // Its name.
      key: string;
      // Its new value.
      value: unknown;
    }
  | {
      verb: "snooze";
      // The notice's cause.
      cause: string;
      // Until then.
      until_ms: number;
    }
  | { verb: "quit" };

// Grows by one at each committed swap of a lane; our fencing number.
export type Generation = number;

// The answer to a request.
export type Answer =
  | { answer: "done" }
  | ({ answer: "view" } & View)
  | {
      answer: "account";
      // Which.
      account: AccountId;
    }
  | ({ answer: "swapped" } & SwapView)
  | ({ answer: "login" } & LoginView)
  | ({ answer: "bulk" } & BulkView)
  | {
      answer: "decisions";
      // Newest first.
      rows: DecisionView[];
    }
  | {
      answer: "swaps";
      // Newest first.
      rows: SwapView[];
    }
  | {
      answer: "history";
      // Oldest first.
      rows: ([number, number | null, number | null])[];
    }
  | {
      answer: "settings";
      // Values.
      values: Record<string, unknown>;
    }
  | {
      answer: "reported";
      // `stale`, `ordered`, `under_way`, `advised`, `no_alternative` or `disabled`.
      outcome: string;
      // The account that is active now.
      current: AccountId | null;
      // The lane's generation now.
      generation: Generation;
    }
  | ({ answer: "refused" } & Refused);

// One row of the swap audit.
export interface SwapView {
  // Ledger row.
  id: number;
  // When it was journalled.
  at_ms: number;
  // Whose seat.
  provider: Provider;
  // The account that left.
  from: AccountId | null;
  // The account that came.
  to: AccountId;
  // The branch.
  trigger: Trigger;
  // Why, in a sentence.
  reason: string;
  // `pending`, `committed` or `failed`.
  status: string;
  // How long the account that left had been active, whole seconds.
  residency_seconds: number | null;
  // What failed.
  error: string | null;
}

// What is known of one login after it was renewed or checked.
export interface LoginView {
  // Whose.
  account: AccountId;
  // Its state.
  login: Login;
  // When the login itself ends.
  ends_at_ms: number | null;
  // How it does.
  health: LoginHealth;
}

// A refusal: what happened, what was kept, what to do next.
export interface Refused {
  // Stable code the front end may branch on: `unknown_account`, `live_account`, `busy`,
  // `cooldown`, `keychain_locked`, `not_signed_in`, `stopped`, `timeout`, `invalid`,
  // `REFRESH_TIMEOUT`, `VALIDATE_TIMEOUT`, `REFRESH_IN_PROGRESS`, …
  code: string;
  // For people.
  text: string;
  // Worth trying again after so many seconds.
  retry_after_s: number | null;
}
