// Generated from the application's interface; `cargo xtask accept` writes it anew.

/**
 * One subscription of one person with one provider; the ledger's row id.
 */
export type AccountId = number;

/**
 * One account.
 */
export type AccountView = { 
/**
 * Opaque id.
 */
id: AccountId, 
/**
 * Whose subscription.
 */
provider: Provider, 
/**
 * The name the person gave, or one made of what the tool says.
 */
label: string, 
/**
 * Mail address, for the accounts page only; never logged or notified.
 */
email: string | null, 
/**
 * Organisation's name.
 */
organization: string | null, 
/**
 * Plan in words (`Max 20x`).
 */
plan: string | null, 
/**
 * Its credential is in the seat now.
 */
live: boolean, 
/**
 * Switched on.
 */
enabled: boolean, 
/**
 * May be chosen by automatic swaps.
 */
automatic: boolean, 
/**
 * State of the login.
 */
login: Login, 
/**
 * When the login itself ends, however often it is refreshed.
 */
login_ends_at_ms: number | null, 
/**
 * How the login does.
 */
login_health: LoginHealth, 
/**
 * Its windows, those of the account as a whole first; one that the provider says it has not got is
 * not among them.
 */
windows: Array<NamedWindow>, 
/**
 * The provider itself refuses work of it.
 */
blocked: BlockedView | null, 
/**
 * When the numbers were true.
 */
observed_at_ms: number | null, 
/**
 * The usage request is under way.
 */
refreshing: boolean, 
/**
 * Tier in the last decision: 0–3, 4 = excluded.
 */
tier: number | null, 
/**
 * Target of the weekly window, percent.
 */
target: number | null, 
/**
 * Percent that will expire unused at the weekly reset.
 */
stranding: number | null, 
/**
 * Why it was not chosen in the last decision.
 */
refusal: Refusal | null, 
/**
 * The last thing that went wrong with it, for people.
 */
problem: string | null, 
/**
 * A tool was refused work on it: it is not chosen before then, unless it is seen to serve.
 */
rests_until_ms: number | null, 
/**
 * What is expected to be left of its windows at their resets.
 */
forecasts: ForecastsView, 
/**
 * Its limit resets; `None`: nobody said, which is not none.
 */
resets: ResetsView | null, 
/**
 * The provider does not tell Sluice of limit resets; a person can.
 */
resets_withheld: boolean, 
/**
 * Its windows that emptied before their reset within the last day, oldest first.
 */
fell: Array<FallView>, };

/**
 * A wish for a place. Asked again with the same `execution` by the same process, the answer is the
 * same.
 */
export type Acquire = { 
/**
 * An id that nobody else uses; made by the driver when absent.
 */
execution: string | null, 
/**
 * Whose tool.
 */
provider: Provider, 
/**
 * The lane by name; that of the folder, else the machine's own, when absent.
 */
lane: string | null, 
/**
 * This account, whatever the lane has.
 */
account: AccountId | null, 
/**
 * A name for the run.
 */
label: string | null, 
/**
 * Where it will work.
 */
folder: string | null, 
/**
 * The program.
 */
program: string | null, 
/**
 * The process that asks and will start the tool.
 */
pid: number, 
/**
 * Its start time, in the kernel's ticks since boot.
 */
pid_start: number, 
/**
 * The id of this boot.
 */
boot_id: string, };

/**
 * An advised swap.
 */
export type Advice = { 
/**
 * The account to make live.
 */
to: AccountId, 
/**
 * Why, in a sentence.
 */
reason: string, 
/**
 * The decision behind it.
 */
decision: number, 
/**
 * What to silence so that it is not told again for a while.
 */
cause: string, };

/**
 * How much money a window meters, in the currency's major unit.
 */
export type Amounts = { 
/**
 * Spent; `None` is unknown.
 */
used: number | null, 
/**
 * The ceiling; `None` is unlimited or unknown.
 */
limit: number | null, 
/**
 * ISO 4217 code where the provider sends one.
 */
currency: string | null, };

/**
 * The answer to a request.
 */
export type Answer = { "answer": "done" } | { "answer": "view" } & View | { "answer": "account", 
/**
 * Which.
 */
account: AccountId, } | { "answer": "swapped" } & SwapView | { "answer": "login" } & LoginView | { "answer": "bulk" } & BulkView | { "answer": "decisions", 
/**
 * Newest first.
 */
rows: Array<DecisionView>, } | { "answer": "swaps", 
/**
 * Newest first.
 */
rows: Array<SwapView>, } | { "answer": "history", 
/**
 * Oldest first.
 */
rows: Array<[number, number | null, number | null]>, 
/**
 * Windows that emptied before their reset, newest first.
 */
fell: Array<FallView>, 
/**
 * Its other windows.
 */
others: Array<OtherHistory>, } | { "answer": "stranded", 
/**
 * Newest first.
 */
rows: Array<StrandedView>, } | { "answer": "compared" } & Compared | { "answer": "metrics", 
/**
 * OpenMetrics, `# EOF` last.
 */
text: string, } | { "answer": "settings", 
/**
 * Values.
 */
values: Record<string, unknown>, 
/**
 * Those that do nothing under the chosen policy.
 */
idle: Array<string>, } | { "answer": "reported" } & Outcome | { "answer": "grant" } & Grant | { "answer": "ended", 
/**
 * It was known before.
 */
already: boolean, } | { "answer": "reconciled", 
/**
 * Oldest first.
 */
actions: Array<ClosedRun>, 
/**
 * Rows about which nothing could be said; kept.
 */
unknown: number, 
/**
 * Somebody else was at it; nothing was looked at.
 */
locked: boolean, } | { "answer": "refused" } & Refused;

/**
 * Who wanted a swap.
 */
export type AskedBy = "driver" | "person" | "report";

/**
 * Why a provider refuses work of an account.
 */
export type Block = "limit" | "other_window" | "spending" | "not_allowed" | "disabled";

/**
 * The provider's own refusal of an account.
 */
export type BlockedView = { 
/**
 * Why.
 */
why: Block, 
/**
 * Until when; `None` lasts until the provider says otherwise.
 */
until_ms: number | null, };

/**
 * How far a reading of every account has come.
 */
export type BulkView = { 
/**
 * When it began.
 */
begun_at_ms: number, 
/**
 * Accounts in all.
 */
total: number, 
/**
 * Read anew.
 */
read: number, 
/**
 * Left as they are: asked about too lately or too often.
 */
throttled: number, 
/**
 * Could not be read.
 */
failed: number, };

/**
 * One account as it stood in the decision, all numbers against the damped tier really used.
 */
export type Candidate = { 
/**
 * Which.
 */
account: AccountId, 
/**
 * Damped tier 0–3, 4 = excluded.
 */
tier: number, 
/**
 * Target utilisation, percent.
 */
target: number | null, 
/**
 * Target minus weekly use, percent.
 */
deficit: number | null, 
/**
 * Percent that will expire unused.
 */
stranding: number | null, 
/**
 * What choosing it is worth over staying, in percent of a pro plan's 5-hour window (`horizon`).
 */
value: number | null, 
/**
 * Why it lost.
 */
refusal: Refusal, };

/**
 * Ceilings on the screen.
 */
export type CapView = { 
/**
 * Whose tools.
 */
provider: Provider, 
/**
 * The account; `None` is the whole provider.
 */
account: AccountId | null, 
/**
 * The numbers.
 */
ceilings: Ceilings, };

/**
 * Which count has reached its ceiling.
 */
export type CeilingWindow = "in_flight" | "hour" | "day" | "breaker" | "other";

/**
 * Ceilings of a provider or of one account; what is `None` has none.
 */
export type Ceilings = { 
/**
 * At work at the same time.
 */
concurrent: number | null, 
/**
 * Started in a rolling hour.
 */
per_hour: number | null, 
/**
 * Started in rolling 24 hours.
 */
per_day: number | null, };

/**
 * One row that was closed, or would be.
 */
export type ClosedRun = { 
/**
 * Which execution.
 */
execution_id: string, 
/**
 * Whose tool.
 */
provider: Provider, 
/**
 * The account it was started on.
 */
account: AccountId | null, 
/**
 * When it began.
 */
started_at_ms: number, 
/**
 * Always `ORPHANED_IN_FLIGHT_CLEAR`.
 */
rule: string, 
/**
 * The proof.
 */
reason: string, 
/**
 * What was done about it.
 */
action: Closing, 
/**
 * What failed.
 */
error: string | null, };

/**
 * What was done about a row whose process is gone.
 */
export type Closing = "applied" | "would_apply" | "error" | "other";

/**
 * Why something was not done.
 */
export type Code = "invalid" | "unknown_account" | "unknown_run" | "unknown" | "unknown_verb" | "version" | "unsupported" | "stopped" | "live_account" | "in_use" | "not_signed_in" | "no_credential" | "kept_unusable" | "unproven" | "unmanaged_login" | "foreign_login" | "seat_unreadable" | "observe_only" | "stale" | "stuck_swap" | "no_alternative" | "no_seat" | "busy" | "cooldown" | "throttled" | "timeout" | "REFRESH_TIMEOUT" | "VALIDATE_TIMEOUT" | "REFRESH_IN_PROGRESS" | "refresh_failed" | "read_failed" | "restart_failed" | "not_running" | "no_driver" | "unreachable" | "ended" | "unusable" | "disk_full" | "disk" | "barred" | "not_admitted" | "wrong_account" | "unsettled" | "lock_timeout" | "too_slow" | "tool_renews" | "restless" | "clobbered" | "foreign_writer" | "vault" | "keychain_locked" | "keychain_absent" | "keychain_hanging" | "keychain_refused" | "keychain_mismatch" | "keychain_failed" | "file" | "record" | "other";

/**
 * What was done beside what a policy would have done.
 */
export type Compared = { 
/**
 * The policy's name.
 */
policy: string, 
/**
 * From when.
 */
since_ms: number, 
/**
 * Until when.
 */
until_ms: number, 
/**
 * The recorded swaps made again.
 */
recorded: Tally, 
/**
 * The policy instead.
 */
instead: Tally, };

/**
 * What was made of the engine's answer.
 */
export type DecisionAction = "stay" | "swap" | "advise" | "other";

/**
 * Which decisions are wanted; what is `None` restricts nothing.
 */
export type DecisionFilter = { 
/**
 * Of this branch.
 */
trigger: Trigger | null, 
/**
 * With this action.
 */
action: DecisionAction | null, 
/**
 * With this account live or chosen.
 */
account: AccountId | null, };

/**
 * One decision on the screen.
 */
export type DecisionView = { 
/**
 * Ledger row.
 */
id: number, 
/**
 * When.
 */
at_ms: number, 
/**
 * Whose seat.
 */
provider: Provider, 
/**
 * What was made of it.
 */
action: DecisionAction, 
/**
 * The branch.
 */
trigger: Trigger, 
/**
 * Who was active.
 */
active: AccountId | null, 
/**
 * Who was chosen or would have been.
 */
target: AccountId | null, 
/**
 * The decision in a sentence.
 */
sentence: string, 
/**
 * The swap that followed, by its ledger row, whatever came of it; in the log only.
 */
swap: number | null, 
/**
 * The candidates as the engine saw them.
 */
candidates: Array<Candidate>, };

/**
 * A failure as a tool told it.
 */
export type Failure = { 
/**
 * Which execution; its account and generation are those it used then.
 */
execution: string | null, 
/**
 * Without an execution: the lane by name; the machine's own when absent.
 */
lane: string | null, 
/**
 * Without an execution: the account it was launched on.
 */
account: AccountId | null, 
/**
 * Without an execution: the lane's generation at launch.
 */
generation: Generation | null, 
/**
 * What kind.
 */
kind: FailureKind, 
/**
 * The window that is full: `five_hour`, `seven_day` or a model's name; unknown when absent.
 */
window: string | null, 
/**
 * When it happened.
 */
failed_at_ms: number, 
/**
 * When the window empties.
 */
reset_at_ms: number | null, 
/**
 * How the session may go on all the same; absent when it may not.
 */
softer: Softer | null, 
/**
 * Who says so.
 */
source: string, 
/**
 * Two reports with the same key are one failure.
 */
dedupe_key: string | null, };

/**
 * A failure that says something of the account. Overload, throttling by the minute, server errors
 * and refused requests do not, and have no variant here.
 */
export type FailureKind = "rate_limit" | "billing" | "auth";

/**
 * What made a window fall early.
 */
export type FallCause = "limit_reset" | "promotion" | "correction" | "plan" | "unsaid";

/**
 * A window that emptied before its reset. Shares are percent.
 */
export type FallView = { 
/**
 * When the lower share was read.
 */
at_ms: number, 
/**
 * Which window.
 */
kind: WindowKind, 
/**
 * Its share before.
 */
before: number, 
/**
 * Its share after.
 */
after: number, 
/**
 * When it would have emptied by itself.
 */
due_ms: number, 
/**
 * What it was.
 */
cause: FallCause, };

/**
 * What is expected to be left of a window at its reset, whole percent.
 */
export type ForecastView = { 
/**
 * As likely more as less is left.
 */
p50: number, 
/**
 * With nine in ten at most this much is left.
 */
p90: number, 
/**
 * Nine in ten outcomes lie from here …
 */
low: number, 
/**
 * … to here.
 */
high: number, 
/**
 * When the window ends.
 */
resets_at_ms: number, };

/**
 * The forecasts of an account; `None` where too little is known.
 */
export type ForecastsView = { 
/**
 * Of the 5-hour window.
 */
five_hour: ForecastView | null, 
/**
 * Of the weekly window.
 */
seven_day: ForecastView | null, };

/**
 * Grows by one at each committed swap of a lane; our fencing number.
 */
export type Generation = number;

/**
 * The answer to `acquire`.
 */
export type Grant = { 
/**
 * The tool may be started.
 */
allowed: boolean, 
/**
 * The id under which everything else is told.
 */
execution: string | null, 
/**
 * The account to start on.
 */
account: AccountId | null, 
/**
 * The lane's generation now; goes into every report.
 */
generation: Generation, 
/**
 * Variables that point the tool at the account's own seat: paths only.
 */
environment: { [key in string]: string }, 
/**
 * Why not.
 */
reason: GrantRefusal | null, 
/**
 * Which count is full.
 */
window: CeilingWindow | null, 
/**
 * The ceiling.
 */
limit: number | null, 
/**
 * Where the count stands.
 */
current: number | null, 
/**
 * Worth asking again after so many milliseconds.
 */
retry_after_ms: number | null, };

/**
 * Why a tool may not be started.
 */
export type GrantRefusal = "provider_concurrency_exceeded" | "provider_budget_exceeded" | "account_concurrency_exceeded" | "account_budget_exceeded" | "breaker_open" | "other";

/**
 * Limit resets that were granted together.
 */
export type GrantView = { 
/**
 * How many of them are left.
 */
left: number, 
/**
 * They cannot be spent before then.
 */
starts_at_ms: number | null, 
/**
 * They are lost then.
 */
ends_at_ms: number | null, 
/**
 * The provider holds them back for now.
 */
paused: boolean, 
/**
 * One can be spent now, as far as anybody said.
 */
usable: boolean, 
/**
 * The windows that one empties; none: nobody said which.
 */
frees: Array<WindowKind>, };

/**
 * A lane; the ledger's row id.
 */
export type LaneId = number;

/**
 * One lane on the screen.
 */
export type LaneView = { 
/**
 * Opaque id.
 */
id: LaneId, 
/**
 * Whose tool.
 */
provider: Provider, 
/**
 * `default` for the machine's own seat, otherwise the person's name for it.
 */
name: string, 
/**
 * The project folder it is bound to.
 */
folder: string | null, 
/**
 * The account that new tools get here.
 */
active: AccountId | null, 
/**
 * Grows by one at each swap; a request that names it is refused when it is old.
 */
generation: Generation, 
/**
 * Since when the account is active.
 */
since_ms: number | null, 
/**
 * A failure may move it.
 */
automatic: boolean, 
/**
 * Accounts that can be made active here; for a named lane those with a seat of their own.
 */
ready: Array<AccountId>, };

/**
 * Whether the account's login can be used.
 */
export type Login = "valid" | "unverified" | "needs_sign_in" | "missing";

/**
 * Age, deadlines and proof of a login.
 */
export type LoginHealth = { 
/**
 * When this sign-in was first seen here: its age counts from then.
 */
since_ms: number | null, 
/**
 * When the present access token ends; it is renewed before.
 */
access_ends_at_ms: number | null, 
/**
 * When the provider took the login last.
 */
proven_at_ms: number | null, 
/**
 * The login ends within so many days: 7, 3 or 1; `None` while that is further away or unknown.
 */
warn_days: number | null, 
/**
 * Another place on this machine holds the same login, so that either spends the other's tokens.
 */
also_in: string | null, };

/**
 * What is known of one login after it was renewed or checked.
 */
export type LoginView = { 
/**
 * Whose.
 */
account: AccountId, 
/**
 * Its state.
 */
login: Login, 
/**
 * When the login itself ends.
 */
ends_at_ms: number | null, 
/**
 * How it does.
 */
health: LoginHealth, };

/**
 * What Sluice may do by itself, per provider.
 */
export type Mode = "off" | "advise" | "auto";

/**
 * One of an account's windows on the screen.
 */
export type NamedWindow = { 
/**
 * `five_hour`, `seven_day` or the provider's name of a model.
 */
kind: WindowKind, 
/**
 * The window.
 */
window: WindowView, 
/**
 * The money behind the share; `None` where it meters none.
 */
amounts: Amounts | null, };

/**
 * Something only a person can mend; the most urgent come first.
 */
export type Need = "stuck_swap" | "keychain" | "seat_unreadable" | "foreign_login" | "disk_full" | "disk" | "sign_in" | "not_kept" | "note" | "twin_login" | "unmanaged_login" | "other";

/**
 * Something only a person can mend.
 */
export type NeedsYou = { 
/**
 * What is the matter.
 */
code: Need, 
/**
 * The account concerned.
 */
account: AccountId | null, 
/**
 * What happened, what was kept, what to do next.
 */
text: string, };

/**
 * What sort of thing a notice tells, in the order of the settings page.
 */
export type NoticeKind = "advice" | "swap_done" | "swap_failed" | "sign_in" | "login_ends" | "drain" | "digest" | "exhausted" | "same_tier" | "stall" | "keychain" | "threshold" | "reset" | "limits" | "limit_reset" | "fall" | "answers" | "no_tray" | "refused" | "other";

/**
 * The past of a window that is not the account's as a whole.
 */
export type OtherHistory = { 
/**
 * Which window.
 */
kind: WindowKind, 
/**
 * Its share in each of the rows beside it, percent; `None` where it was not told.
 */
used: Array<number | null>, };

/**
 * What was made of a reported failure.
 */
export type Outcome = { 
/**
 * What came of it.
 */
outcome: ReportOutcome, 
/**
 * The account that left.
 */
from: AccountId | null, 
/**
 * The account that came.
 */
to: AccountId | null, 
/**
 * The account that is active now.
 */
current: AccountId | null, 
/**
 * The lane's generation now.
 */
generation: Generation, 
/**
 * Starting the tool again is worth it.
 */
retry_advised: boolean, 
/**
 * When the first of the others is expected back.
 */
earliest_ms: number | null, };

/**
 * The company whose service is used and metered.
 */
export type Provider = "claude" | "codex";

/**
 * One provider's state.
 */
export type ProviderView = { 
/**
 * Which.
 */
provider: Provider, 
/**
 * What Sluice may do here.
 */
mode: Mode, 
/**
 * Automatic swaps rest until then.
 */
paused_until_ms: number | null, 
/**
 * The account whose credential is in the seat.
 */
live: AccountId | null, 
/**
 * A login sits in the seat that Sluice does not keep yet.
 */
unmanaged_login: boolean, 
/**
 * Why nothing is written at the moment (keychain locked, seat unreadable …), for people.
 */
observe_only: string | null, 
/**
 * When the live account's usage is read next.
 */
next_poll_at_ms: number | null, 
/**
 * The swap that is advised now.
 */
advice: Advice | null, 
/**
 * The account whose swap waits for the end of a turn.
 */
after_turn: AccountId | null, 
/**
 * When the live account is full at the present pace; `None` when nothing moves.
 */
run_out: RunOutView | null, };

/**
 * Why a candidate was not chosen.
 */
export type Refusal = "active" | "disabled" | "failing" | "needs_sign_in" | "no_credential" | "not_automatic" | "no_reset" | "usage_unknown" | "not_behind" | "no_weekly_headroom" | "no_short_headroom" | "skipped" | "model_exhausted" | "would_bill" | "blocked" | "stale" | "outranked" | "none";

/**
 * A refusal: what happened, what was kept, what to do next.
 */
export type Refused = { 
/**
 * Stable code the front end may branch on.
 */
code: Code, 
/**
 * For people.
 */
text: string, 
/**
 * Worth trying again after so many seconds.
 */
retry_after_s: number | null, };

/**
 * What came of a reported failure.
 */
export type ReportOutcome = "switched" | "ordered" | "under_way" | "stale" | "advised" | "resting" | "no_alternative" | "disabled" | "cooling_only" | "ignored" | "unattributed" | "other";

/**
 * What a front end may ask. Every request is idempotent or carries ids that must exist.
 */
export type Request = { "verb": "status" } | { "verb": "watch" } | { "verb": "add", 
/**
 * Whose tool.
 */
provider: Provider, 
/**
 * A name for it.
 */
label: string | null, } | { "verb": "remove", 
/**
 * Which.
 */
account: AccountId, } | { "verb": "rename", 
/**
 * Which.
 */
account: AccountId, 
/**
 * 1–50 characters.
 */
label: string, } | { "verb": "reorder", 
/**
 * The order.
 */
accounts: Array<AccountId>, } | { "verb": "set_enabled", 
/**
 * Which.
 */
account: AccountId, 
/**
 * On.
 */
enabled: boolean, } | { "verb": "set_automatic", 
/**
 * Which.
 */
account: AccountId, 
/**
 * May be chosen.
 */
automatic: boolean, } | { "verb": "set_resets", 
/**
 * Which.
 */
account: AccountId, 
/**
 * How many are left; absent: what is known is void.
 */
count: number | null, 
/**
 * They are lost then.
 */
until_ms: number | null, } | { "verb": "swap", 
/**
 * Which.
 */
to: AccountId, } | { "verb": "acquire" } & Acquire | { "verb": "started", 
/**
 * Which.
 */
execution: string, 
/**
 * Its process.
 */
child_pid: number, 
/**
 * Its start time, in the kernel's ticks since boot.
 */
child_start: number, } | { "verb": "finished", 
/**
 * Which.
 */
execution: string, 
/**
 * Its exit code.
 */
exit_code: number | null, 
/**
 * Why.
 */
reason: string | null, } | { "verb": "failure" } & Failure | { "verb": "leave_walled", 
/**
 * Which lane.
 */
lane: LaneId, 
/**
 * Its generation, as the asker read it.
 */
generation: Generation, } | { "verb": "point_lane", 
/**
 * Which lane.
 */
lane: LaneId, 
/**
 * The account; the one with the most room when absent.
 */
to: AccountId | null, 
/**
 * Refused when the lane has moved on since.
 */
expected_generation: Generation | null, } | { "verb": "bind_lane", 
/**
 * Whose tool.
 */
provider: Provider, 
/**
 * Its name.
 */
name: string, 
/**
 * An absolute path; absent unbinds.
 */
folder: string | null, } | { "verb": "set_lane_automatic", 
/**
 * Which.
 */
lane: LaneId, 
/**
 * May be moved.
 */
automatic: boolean, } | { "verb": "set_cap", 
/**
 * Whose tools.
 */
provider: Provider, 
/**
 * The account; the whole provider when absent.
 */
account: AccountId | null, 
/**
 * The numbers.
 */
ceilings: Ceilings, } | { "verb": "reconcile", 
/**
 * Close them.
 */
apply: boolean, } | { "verb": "release", 
/**
 * Which.
 */
execution: string, } | { "verb": "look_at_runs" } | { "verb": "pause", 
/**
 * Whose; all when absent.
 */
provider: Provider | null, 
/**
 * Until then.
 */
until_ms: number, } | { "verb": "resume", 
/**
 * Whose; all when absent.
 */
provider: Provider | null, } | { "verb": "set_mode", 
/**
 * Whose.
 */
provider: Provider, 
/**
 * What.
 */
mode: Mode, } | { "verb": "stop" } | { "verb": "start" } | { "verb": "refresh", 
/**
 * Only this one.
 */
account: AccountId | null, } | { "verb": "renew", 
/**
 * Which.
 */
account: AccountId, } | { "verb": "read_usage", 
/**
 * Which.
 */
account: AccountId, } | { "verb": "validate", 
/**
 * Which.
 */
account: AccountId, } | { "verb": "read_all" } | { "verb": "restart_tool", 
/**
 * Whose.
 */
provider: Provider, } | { "verb": "decisions", 
/**
 * At most this many (1–1000).
 */
limit: number, 
/**
 * Only older than this row.
 */
before: number | null, 
/**
 * Only such.
 */
only: DecisionFilter, } | { "verb": "swaps", 
/**
 * At most this many (1–1000).
 */
limit: number, } | { "verb": "history", 
/**
 * Which.
 */
account: AccountId, 
/**
 * From then.
 */
since_ms: number, } | { "verb": "stranded", 
/**
 * From then.
 */
since_ms: number, } | { "verb": "replay", 
/**
 * From then.
 */
since_ms: number, 
/**
 * Which.
 */
policy: RuleSet, } | { "verb": "metrics", 
/**
 * With mail addresses.
 */
show_mail: boolean, } | { "verb": "settings" } | { "verb": "set", 
/**
 * Its name.
 */
key: string, 
/**
 * Its new value.
 */
value: unknown, } | { "verb": "snooze", 
/**
 * The notice's cause.
 */
cause: string, 
/**
 * Until then.
 */
until_ms: number, } | { "verb": "quit" };

/**
 * What to do with a limit reset. Sluice spends none.
 */
export type ResetCounsel = { 
/**
 * Use it now, before [`Self::at_ms`]; else keep it until then.
 */
now: boolean, 
/**
 * Before then its use is gone; or then it is worth most.
 */
at_ms: number, 
/**
 * What it would empty now, or then, whole percent of the window.
 */
freed: number, 
/**
 * Which window.
 */
window: WindowKind, };

/**
 * The limit resets of an account, as somebody told them.
 */
export type ResetsView = { 
/**
 * How many are left.
 */
left: number, 
/**
 * When the first of them is lost; `None` where nobody said, or none is left.
 */
ends_at_ms: number | null, 
/**
 * The same by grant, the first to end first.
 */
grants: Array<GrantView>, 
/**
 * Who said it.
 */
said_by: Source, 
/**
 * When it was true.
 */
read_at_ms: number, 
/**
 * What to do with the first of them; `None` where nothing is worth saying.
 */
counsel: ResetCounsel | null, };

/**
 * One way to choose accounts, in the order of the window's list.
 */
export type RuleSet = "horizon" | "tiered" | "threshold" | "edf" | "react429" | "none" | "other";

/**
 * When the live account is full at the present pace.
 */
export type RunOutView = { 
/**
 * The window that is full first: `five_hour` or `seven_day`.
 */
window: WindowKind, 
/**
 * When, to the minute.
 */
at_ms: number, };

/**
 * One tool at work.
 */
export type RunView = { 
/**
 * Its id.
 */
id: string, 
/**
 * Whose tool.
 */
provider: Provider, 
/**
 * The account it uses; `None` when a variable outranks every account.
 */
account: AccountId | null, 
/**
 * The lane it was started in.
 */
lane: LaneId | null, 
/**
 * The person's name for it.
 */
label: string | null, 
/**
 * Where it works.
 */
folder: string | null, 
/**
 * The program.
 */
program: string, 
/**
 * Its process; unknown between admission and start.
 */
pid: number | null, 
/**
 * When it began.
 */
since_ms: number, 
/**
 * It cannot be said whether it still runs: only the person can let it go.
 */
unknown: boolean, 
/**
 * It is in the middle of a turn.
 */
mid_turn: boolean, 
/**
 * Names of the variables that outrank the chosen account.
 */
shadowed: Array<string>, };

/**
 * A view with the driver's clock at the moment it was handed over, so that the page can count down
 * without trusting that both clocks agree.
 */
export type Shown = { 
/**
 * Milliseconds since the Unix epoch.
 */
now_ms: number, 
/**
 * The application's version.
 */
version: string, 
/**
 * Why there is no driver, when there is none.
 */
trouble: string | null, 
/**
 * The view; empty until the driver has published one.
 */
view: View, };

/**
 * How a session may go on after its window is used up. Another account in its place would end that.
 */
export type Softer = "low_priority" | "grace";

/**
 * Where a fact came from.
 */
export type Source = "endpoint" | "tool_cache" | "status_line" | "session_log" | "hook" | "person";

/**
 * A span of time.
 */
export type SpanView = { 
/**
 * From when.
 */
from_ms: number, 
/**
 * Until when.
 */
until_ms: number, };

/**
 * A weekly window that has ended. Shares are percent.
 */
export type StrandedView = { 
/**
 * Whose.
 */
account: AccountId, 
/**
 * When it ended.
 */
resets_at_ms: number, 
/**
 * What was left of it.
 */
unused: number, 
/**
 * What had been foreseen a day before.
 */
p50: number | null, 
/**
 * At most this was foreseen with nine in ten.
 */
p90: number | null, };

/**
 * An account that is meant to be live for a while.
 */
export type StretchView = { 
/**
 * Which.
 */
account: AccountId, 
/**
 * From when, to a quarter of an hour.
 */
from_ms: number, 
/**
 * Until when.
 */
until_ms: number, };

/**
 * Where a swap stands.
 */
export type SwapStatus = "pending" | "committed" | "failed" | "other";

/**
 * One row of the swap audit.
 */
export type SwapView = { 
/**
 * Ledger row.
 */
id: number, 
/**
 * When it was journalled.
 */
at_ms: number, 
/**
 * Whose seat.
 */
provider: Provider, 
/**
 * The account that left.
 */
from: AccountId | null, 
/**
 * The account that came.
 */
to: AccountId, 
/**
 * Who wanted it.
 */
asked_by: AskedBy, 
/**
 * The decision behind it, by its ledger row; `None` where a person or a tool's report moved it
 * without one, or where it could not be written down.
 */
decision: number | null, 
/**
 * The branch.
 */
trigger: Trigger, 
/**
 * Why, in a sentence.
 */
reason: string, 
/**
 * Where it stands.
 */
status: SwapStatus, 
/**
 * How long the account that left had been active, whole seconds.
 */
residency_seconds: number | null, 
/**
 * What failed.
 */
error: string | null, };

/**
 * A swap under way.
 */
export type Swapping = { 
/**
 * Whose seat.
 */
provider: Provider, 
/**
 * The account that leaves; `None` when the seat was empty.
 */
from: AccountId | null, 
/**
 * The account that comes.
 */
to: AccountId, };

/**
 * What one way of choosing came to, in units.
 */
export type Tally = { 
/**
 * Work that was served.
 */
served: number, 
/**
 * Capacity unused at weekly resets.
 */
stranded: number, 
/**
 * Work that was refused.
 */
interrupted: number, 
/**
 * Minutes of work refused.
 */
interrupted_min: number, 
/**
 * Swaps.
 */
swaps: number, };

/**
 * The branch that was taken; set by the branch, never parsed from text.
 */
export type Trigger = "tick" | "emergence_pending" | "residency_blocked" | "cooldown_blocked" | "no_target" | "swap_aborted" | "higher_tier_emerged" | "intra_tier_preempted" | "tier_drained" | "forced_critical" | "burn_rate" | "failure_reported" | "manual" | "plan_improved" | "other";

/**
 * Everything a front end draws. Instants are milliseconds since the Unix epoch, shares percent.
 */
export type View = { 
/**
 * `sluice/view/1`.
 */
schema: string, 
/**
 * Grows by one at each published change.
 */
revision: number, 
/**
 * When it was made.
 */
at_ms: number, 
/**
 * The kill switch: nothing is polled and nothing swapped until a person starts it again.
 */
stopped: boolean, 
/**
 * First start: the person has not chosen a mode yet.
 */
first_start: boolean, 
/**
 * Per provider, in display order; only providers that are present or configured.
 */
providers: Array<ProviderView>, 
/**
 * Every account in the person's order.
 */
accounts: Array<AccountView>, 
/**
 * Things only a person can mend, most urgent first.
 */
needs_you: Array<NeedsYou>, 
/**
 * The swap being carried out now.
 */
swapping: Swapping | null, 
/**
 * How far the reading of every account has come, while one is under way.
 */
bulk: BulkView | null, 
/**
 * Committed swaps in the last 24 hours.
 */
swaps_last_24h: number, 
/**
 * The newest decision in words.
 */
last_decision: DecisionView | null, 
/**
 * Every lane, the machine's own seats first.
 */
lanes: Array<LaneView>, 
/**
 * Tools at work, oldest first.
 */
runs: Array<RunView>, 
/**
 * Ceilings that were set.
 */
caps: Array<CapView>, 
/**
 * What is planned for the coming week.
 */
week: WeekView, };

/**
 * What is planned for the coming week. What each account's week will lose stands with its forecasts.
 */
export type WeekView = { 
/**
 * Who is meant to be live when, per provider in order; nothing under a policy that does not plan.
 */
stretches: Array<StretchView>, 
/**
 * Working hours, in order.
 */
work: Array<SpanView>, };

/**
 * What a window meters, as the provider names it.
 */
export type WindowKind = string;

/**
 * One window on the screen, as it counts when the view was made.
 */
export type WindowView = { 
/**
 * Used share in percent; 0 once its reset has passed without a newer reading, `None` is unknown.
 */
used: number | null, 
/**
 * When it empties; the passed instant where it has emptied and was not read since.
 */
resets_at_ms: number | null, 
/**
 * It emptied then and was not read since: its share is a reckoning, to be shown as "about".
 */
emptied_at_ms: number | null, 
/**
 * When it was read.
 */
read_at_ms: number | null, 
/**
 * How long it runs, as far as the provider or its resets told, else as windows of its kind do; 0 is
 * unknown.
 */
span_ms: number, };

/** The branch of a decision. */
export const triggerWords: Record<Trigger, string> = {
  "tick": "no rule fired",
  "emergence_pending": "waiting whether a more urgent account persists",
  "residency_blocked": "the live account has not been live long enough",
  "cooldown_blocked": "resting after the last attempt",
  "no_target": "a rule fired, no account is eligible",
  "swap_aborted": "resting after a failed swap",
  "higher_tier_emerged": "a more urgent account",
  "intra_tier_preempted": "an equally urgent account loses more per hour",
  "tier_drained": "the live account reached its target",
  "forced_critical": "the 5-hour window is nearly full",
  "burn_rate": "the 5-hour window fills up before the next look",
  "failure_reported": "a tool was refused work",
  "manual": "you asked",
  "plan_improved": "the plan over all accounts is better",
  "other": "a rule of another version"
};

/** What is the matter, after a name. */
export const needWords: Record<Need, string> = {
  "stuck_swap": "a swap got stuck",
  "keychain": "the keychain does not answer",
  "seat_unreadable": "the login file cannot be read",
  "foreign_login": "the live login is of a kind that is not kept",
  "disk_full": "the disk is full",
  "disk": "the database cannot be written",
  "sign_in": "sign in again",
  "not_kept": "its login is not kept",
  "note": "there is something to know",
  "twin_login": "its login is used twice",
  "unmanaged_login": "a new login is not kept yet",
  "other": "needs you"
};

/** What stands against an account, as the end of "it …". */
export const refusalWords: Record<Refusal, string> = {
  "active": "is live now",
  "disabled": "is switched off",
  "failing": "could not be read several times in a row",
  "needs_sign_in": "needs a new sign-in",
  "no_credential": "has no login that Sluice keeps",
  "not_automatic": "is excluded from automatic swaps",
  "no_reset": "has no known weekly reset",
  "usage_unknown": "has not been read yet",
  "not_behind": "has used its share by now",
  "no_weekly_headroom": "has too little of its week left",
  "no_short_headroom": "has too little of its 5-hour window left",
  "skipped": "could not be swapped to a moment ago",
  "model_exhausted": "has used up the model that is needed",
  "would_bill": "would cost extra money",
  "blocked": "is refused by its provider",
  "stale": "has not been read since this computer woke up",
  "outranked": "could be used, and another is better",
  "none": "is the best"
};

/** The modes in their order. */
export const modes: { mode: Mode; words: string; hint: string }[] = [
  {
    "mode": "off",
    "words": "Off",
    "hint": "Sluice does nothing here: it reads no usage, gives no advice and swaps nothing."
  },
  {
    "mode": "advise",
    "words": "Advise",
    "hint": "Sluice watches and tells you when another account should be live. It swaps only when you click."
  },
  {
    "mode": "auto",
    "words": "Automatic",
    "hint": "Sluice swaps by itself when its rules say so, and tells you after each swap and why."
  }
];

/** The rule sets in their order, and whether each may decide. */
export const ruleSets: { name: RuleSet; words: string; decides: boolean }[] = [
  {
    "name": "horizon",
    "words": "Horizon: plans over all accounts",
    "decides": true
  },
  {
    "name": "tiered",
    "words": "Tiered: the most urgent week first",
    "decides": true
  },
  {
    "name": "threshold",
    "words": "Threshold: leaves at 90 % of five hours or 95 % of the week",
    "decides": false
  },
  {
    "name": "edf",
    "words": "Earliest reset first",
    "decides": false
  },
  {
    "name": "react429",
    "words": "Only when refused",
    "decides": false
  },
  {
    "name": "none",
    "words": "Never swaps",
    "decides": false
  }
];

/** Kinds of notices that can be switched, in their order. */
export const noticeSwitches: { kind: NoticeKind; words: string; hint: string | null; on_at_first: boolean }[] = [
  {
    "kind": "advice",
    "words": "Advice to swap",
    "hint": "In mode Advise, with a button to do it.",
    "on_at_first": true
  },
  {
    "kind": "swap_done",
    "words": "A swap was made",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "swap_failed",
    "words": "A swap failed",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "sign_in",
    "words": "An account needs a sign-in",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "login_ends",
    "words": "A login ends soon",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "drain",
    "words": "Quota will expire unused",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "digest",
    "words": "What is about to be lost, once a day",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "exhausted",
    "words": "Every account is used up",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "same_tier",
    "words": "An equally urgent account is far behind",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "stall",
    "words": "Nothing could be decided for a while",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "keychain",
    "words": "The keychain does not answer",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "threshold",
    "words": "A window is nearly full",
    "hint": null,
    "on_at_first": false
  },
  {
    "kind": "reset",
    "words": "A window has reset",
    "hint": null,
    "on_at_first": false
  },
  {
    "kind": "limits",
    "words": "A plan's limits changed",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "limit_reset",
    "words": "A limit reset ends soon, or could help now",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "fall",
    "words": "A window emptied before its reset",
    "hint": null,
    "on_at_first": true
  },
  {
    "kind": "answers",
    "words": "A provider's answers have changed",
    "hint": null,
    "on_at_first": true
  }
];

/** How long the page waits for the answer to each request it may make, milliseconds. */
export const DEADLINES_MS = {
  status: 60000,
  add: 60000,
  remove: 60000,
  rename: 60000,
  reorder: 60000,
  set_enabled: 60000,
  set_automatic: 60000,
  set_resets: 60000,
  swap: 60000,
  point_lane: 60000,
  set_lane_automatic: 60000,
  set_cap: 60000,
  reconcile: 60000,
  release: 60000,
  look_at_runs: 60000,
  pause: 60000,
  resume: 60000,
  set_mode: 60000,
  stop: 60000,
  start: 60000,
  refresh: 60000,
  read_usage: 65000,
  validate: 65000,
  read_all: 305000,
  restart_tool: 60000,
  decisions: 60000,
  swaps: 60000,
  history: 60000,
  stranded: 60000,
  replay: 60000,
  settings: 60000,
  set: 60000,
  snooze: 60000,
};

/** What the page may ask. */
export type Askable = Extract<Request, { verb: keyof typeof DEADLINES_MS }>;

/** Each provider's tool: its name, its program, the command to sign in, and what spends a limit reset. */
export const PROVIDERS: Record<Provider, { tool: string, program: string, sign_in: string, reset_command: string }> = {
  claude: { tool: "Claude Code", program: "claude", sign_in: "claude auth login", reset_command: "/limit-reset" },
  codex: { tool: "Codex", program: "codex", sign_in: "codex login", reset_command: "/usage" },
};

/** Taken where nobody names one. */
export const USUAL_PROVIDER: Provider = "claude";

/** The longest name of an account, characters. */
export const LABEL_CHARS_MAX = 50;

/** The most limit resets that an account has. */
export const RESETS_MAX = 1000;

/** The least and the highest ceiling of tools at work or started. */
export const CEILING_LEAST = 1;
export const CEILING_MOST = 10000;

/** The settings that are numbers: the least and the most that each may be, and the one policy that reads it. */
export const AMOUNTS = {
  critical_percent: { least: 50, most: 100, policy: "tiered" },
  warning_percent: { least: 20, most: 100, policy: "tiered" },
  poll_seconds: { least: 180, most: 3600, policy: null },
  turn_wait_seconds: { least: 0, most: 600, policy: null },
  billing_ceiling_minor: { least: 0, most: 10000000, policy: null },
};

/** From these shares on a window is drawn as full, and as well used. */
export const DRAWN_FULL_PERCENT = 90;
export const DRAWN_HIGH_PERCENT = 70;
