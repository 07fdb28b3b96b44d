import { createContext, use } from "react";
import type { Role, Session } from "../api/types";

export const SessionContext = createContext<Session | undefined>(undefined);

const ORDER: Role[] = ["viewer", "proposer", "operator", "admin"];

/** Whether the role allows it. What it forbids is not offered; the server refuses it in any case. */
export function useMay(role: Role): boolean {
  const session = use(SessionContext);
  return session !== undefined && ORDER.indexOf(session.role) >= ORDER.indexOf(role);
}

export const useSession = (): Session | undefined => use(SessionContext);
