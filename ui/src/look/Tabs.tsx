import { useEffect, useRef, type ReactNode } from "react";
import { toHash } from "../app/url";

/** Parts of a view, each with an address. On a narrow screen the one that is shown is never out of sight. */
export function Tabs({ label, view, at, parts }: { label: string; view: string; at: string; parts: readonly { key: string; name: string; more?: ReactNode }[] }) {
  const chosen = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    const link = chosen.current;
    const bar = link?.parentElement;
    if (link === null || bar === null || bar === undefined) return;
    const [left, right] = [link.offsetLeft - bar.offsetLeft, link.offsetLeft - bar.offsetLeft + link.offsetWidth];
    if (left < bar.scrollLeft || right > bar.scrollLeft + bar.clientWidth) bar.scrollLeft = left - (bar.clientWidth - link.offsetWidth) / 2;
  }, [at]);
  return (
    <nav className="tabs" aria-label={label}>
      {parts.map(({ key, name, more }) => <a key={key} ref={at === key ? chosen : undefined} href={toHash([view], { tab: key })} className={at === key ? "on" : ""} aria-current={at === key ? "page" : undefined}>{name}{more}</a>)}
    </nav>
  );
}
