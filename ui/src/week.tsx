// The week ahead, a row per account: who is meant to be live when, the resets, and what will be lost.

import type { AccountView } from "./bindings";
import { DAYS_MS, midnights, piece, place, resetOf, rowWords, within } from "./days";
import { clock, DAY_MS, percent, weekdayOf } from "./format";
import { LOST_MIN } from "./pace";
import { accountOf, useStore } from "./store";
import { signedOut } from "./switching";

/** A day's width stands for a whole window. */
const LOST_WIDTH = (100 * DAY_MS) / DAYS_MS / 100;

export function Week() {
  const { view, nowMs } = useStore();
  const shown = view.accounts.filter((account) => account.enabled);
  const planned = view.week.stretches.some(({ until_ms }) => until_ms > nowMs);
  const lost = shown.some(({ forecasts }) => (forecasts.seven_day?.p50 ?? 0) >= LOST_MIN);
  return (
    <section class="card week" aria-labelledby="week">
      <div class="week-head">
        <h2 id="week">This week</h2>
        <ul class="legend" aria-label="What the marks mean">
          {planned && (
            <>
              <li>
                <span class="key plan" />
                planned
              </li>
              <li>
                <span class="key spend" />
                in work hours
              </li>
            </>
          )}
          <li>
            <span class="key mark" />
            reset
          </li>
          {lost && (
            <li>
              <span class="key hatch" />
              expires unused
            </li>
          )}
        </ul>
      </div>
      <div class="week-row week-days" aria-hidden="true">
        <span />
        <div class="week-line bare">
          <DayNames nowMs={nowMs} />
        </div>
        <span />
      </div>
      <ul class="week-rows" aria-label="Week per account">
        {shown.map((account) => (
          <Row key={account.id} account={account} />
        ))}
      </ul>
    </section>
  );
}

/** Each at the middle of its part of the line; a sliver has none. */
function DayNames({ nowMs }: { nowMs: number }) {
  const starts = [{ atMs: nowMs, day: weekdayOf(nowMs) }, ...midnights(nowMs)];
  return (
    <>
      {starts.map(({ atMs, day }, index) => {
        const left = place(atMs, nowMs);
        const width = place(starts[index + 1]?.atMs ?? nowMs + DAYS_MS, nowMs) - left;
        if (width < 5) return null;
        return (
          <span key={atMs} class="day-name" style={{ left: `${left}%`, width: `${width}%` }}>
            {day}
          </span>
        );
      })}
    </>
  );
}

function Row({ account }: { account: AccountView }) {
  const { view, nowMs } = useStore();
  const { stretches, work } = view.week;
  const mine = stretches.filter(
    ({ account: id, until_ms }) => id === account.id && until_ms > nowMs,
  );
  const provider = account.provider;
  const live = accountOf(view, account.id)?.live ?? false;
  return (
    <li class="week-row">
      <span class={`week-name ${live ? "live" : ""}`}>{account.label}</span>
      <div
        class="week-line"
        role="img"
        aria-label={`${account.label}: ${rowWords(account, mine, nowMs)}`}
      >
        {work.map((span) => (
          <Block key={`work/${span.from_ms}`} kind="work" span={span} />
        ))}
        {midnights(nowMs).map(({ atMs }) => (
          <span key={atMs} class="midnight" style={{ left: `${place(atMs, nowMs)}%` }} />
        ))}
        {mine.map((stretch) => {
          const title = `${account.label} is meant to be live ${clock(stretch.from_ms, nowMs)} to ${clock(stretch.until_ms, nowMs)}`;
          return (
            <>
              <Block
                key={`plan/${provider}/${stretch.from_ms}`}
                kind="plan"
                span={stretch}
                title={title}
              />
              {within(stretch, work).map((span) => (
                <Block key={`spend/${span.from_ms}`} kind="spend" span={span} title={title} />
              ))}
            </>
          );
        })}
        <Reset account={account} />
      </div>
      <Figure account={account} />
    </li>
  );
}

interface BlockProps {
  kind: string;
  span: { from_ms: number; until_ms: number };
  title?: string;
}

function Block({ kind, span, title }: BlockProps) {
  const { nowMs } = useStore();
  const at = piece(span, nowMs);
  if (at === null) return null;
  return (
    <span
      class={`block ${kind}`}
      title={title}
      style={{ left: `${at.left}%`, width: `${at.width}%` }}
    />
  );
}

/** The mark of the reset, and before it what is lost there: a day wide for a whole window. */
function Reset({ account }: { account: AccountView }) {
  const { nowMs } = useStore();
  const at = resetOf(account, nowMs);
  if (at === null) return null;
  const left = place(at, nowMs);
  const said = account.forecasts.seven_day;
  const lost = said !== null && said.p50 >= LOST_MIN ? said.p50 : 0;
  const width = Math.min(left, lost * LOST_WIDTH);
  const title =
    lost > 0 && said !== null
      ? `Resets ${clock(at, nowMs)}: about ${percent(lost)} expires unused, between ${percent(said.low)} and ${percent(said.high)} in nine of ten cases`
      : `Resets ${clock(at, nowMs)}`;
  return (
    <>
      {lost > 0 && (
        <span class="block hatch" style={{ left: `${left - width}%`, width: `${width}%` }} />
      )}
      <span class={`reset ${lost > 0 ? "loses" : ""}`} style={{ left: `${left}%` }} title={title} />
    </>
  );
}

function Figure({ account }: { account: AccountView }) {
  if (signedOut(account)) return <span class="week-figure bad">signed out</span>;
  const week = account.forecasts.seven_day;
  if (week === null) return <span class="week-figure muted">–</span>;
  return week.p50 >= LOST_MIN ? (
    <span class="week-figure lost">{percent(week.p50)} lost</span>
  ) : (
    <span class="week-figure">{percent(week.p50)} left</span>
  );
}
