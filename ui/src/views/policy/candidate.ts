import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, got } from "../../api/client";

// Documents that were checked and not applied: as long as the page lives, the map can show what they would do.
let documents: string | undefined;
const listeners = new Set<() => void>();

export function setCandidate(text: string | undefined): void {
  documents = text;
  listeners.forEach((listener) => listener());
}

/** Text that the editor is to begin with. */
export const setDraft = setCandidate;

export function useCandidate(): string | undefined {
  return useSyncExternalStore((listener) => { listeners.add(listener); return () => listeners.delete(listener); }, () => documents);
}

/** Every seen edge judged as if the candidate were in force. */
export function useCandidateSimulation(wanted: boolean) {
  const text = useCandidate();
  return useQuery({
    queryKey: ["candidate", text],
    enabled: wanted && text !== undefined,
    queryFn: () => got(api.POST("/api/v1/policy/simulate", { body: { documents: text ?? "", enforce: false } })),
  });
}
