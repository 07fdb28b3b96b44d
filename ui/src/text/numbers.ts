const grouped = new Intl.NumberFormat("en-US");

export const count = (n: number): string => grouped.format(n);

export function plural(n: number, one: string, many = /[^aeiou]y$/.test(one) ? `${one.slice(0, -1)}ies` : /(s|x|ch)$/.test(one) ? `${one}es` : `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Per second; empty for nothing, so that a quiet edge has no number. */
export function rate(perSecond: number): string {
  if (perSecond <= 0) return "";
  if (perSecond < 0.1) return "<0.1/s";
  if (perSecond < 10) return `${perSecond.toFixed(1).replace(/\.0$/, "")}/s`;
  if (perSecond < 1000) return `${Math.round(perSecond)}/s`;
  return `${(perSecond / 1000).toFixed(perSecond < 10_000 ? 1 : 0)}k/s`;
}

/** In the units of the command line. */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let value = n;
  while (value >= 1024 - 0.05 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** From here on a bound says nothing but that the service is open-ended. */
export const OPEN_ENDED_FROM = 0.15;

/** With the digits that matter, as the command line says it: a small chance never reads as none. */
export function percent(share: number): string {
  const value = share * 100;
  if (value <= 0) return "0 %";
  if (value < 0.01) return "<0.01 %";
  return `${value < 1 ? value.toFixed(2) : value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}

/** The upper bound as the node, the ring and the tables say it. */
export function bound(upper: number | null | undefined, openEnded = false): string {
  if (openEnded) return "open-ended";
  if (upper === null || upper === undefined || upper >= 1) return "no bound";
  if (upper >= OPEN_ENDED_FROM) return `≤ ${Math.round(upper * 100)} %`;
  const said = percent(upper);
  return said.startsWith("<") ? said : `≤ ${said}`;
}
