import type { ReactNode } from "react";
import type { Verdict } from "../api/types";

/** Each screen's answer: one sentence with numbers, and one line of what stands behind it. */
export function Headline({ icon, tone, children, detail, actions }: {
  icon: ReactNode;
  tone?: Verdict | "quiet";
  children: ReactNode;
  detail?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <header className={`headline ${tone ?? "quiet"}`}>
      <span className="headline-icon" aria-hidden="true">{icon}</span>
      <div className="grow headline-text">
        <h1>{children}</h1>
        {detail !== undefined && detail !== "" && <p className="t2 small">{detail}</p>}
      </div>
      {actions !== undefined && <div className="headline-actions">{actions}</div>}
    </header>
  );
}
