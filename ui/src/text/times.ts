const two = (n: number): string => String(n).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function clock(time: number): string {
  const d = new Date(time);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export const shortClock = (time: number): string => clock(time).slice(0, 5);

export function day(time: number): string {
  const d = new Date(time);
  return `${d.getDate()} ${MONTHS[d.getMonth()] ?? ""}`;
}

export function full(time: number): string {
  return `${day(time)} ${clock(time)}`;
}

/** A length of time in its largest two units' worth of sense: `40 s`, `12 min`, `5 h`, `3 d`. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 72 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function ago(time: number, now: number): string {
  return now - time < 1500 ? "now" : `${span(now - time)} ago`;
}

/** The clock for today, the day for what is older. */
export function briefly(time: number, now: number): string {
  return now - time < 20 * 3_600_000 ? shortClock(time) : day(time);
}
