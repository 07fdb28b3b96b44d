import type { Trial } from "../../api/types";
import { plural } from "../../text/numbers";
import { span } from "../../text/times";

/** How long a trial may be asked to run, in seconds. */
export const LENGTHS = [[600, "10 minutes"], [3600, "an hour"], [86_400, "a day"], [7 * 86_400, "a week"], [30 * 86_400, "30 days"]] as const;

/** How much of its time is over, 0 to 1. */
export function progressOf(trial: Pick<Trial, "started" | "ends" | "ended">, now: number): number {
  return Math.min(1, Math.max(0, ((trial.ended ?? now) - trial.started) / Math.max(1, trial.ends - trial.started)));
}

/** Where it stands, in a few words. */
export function stateWord(trial: Pick<Trial, "state" | "started" | "ends" | "ended">, now: number): string {
  if (trial.state === "running") return trial.ends > now ? `${span(trial.ends - now)} more` : "ending";
  return `${trial.state} after ${span((trial.ended ?? trial.ends) - trial.started)}`;
}

export const titleOf = (trial: Pick<Trial, "id" | "name">): string => (trial.name === null || trial.name === undefined || trial.name === "" ? `Trial ${trial.id}` : trial.name);

/** What the one number means; nothing judged is no result. */
export function resultSentence(trial: Pick<Trial, "state" | "counts" | "denials_of_expected">): string {
  if (trial.counts.connections === 0) return trial.state === "running" ? "Nothing has been judged yet." : "Nothing was judged: no connection came in its time.";
  if (trial.denials_of_expected === 0) return `Of ${plural(trial.counts.connections, "connection")}, none that was expected would be denied.`;
  return `${plural(trial.denials_of_expected, "connection")} that passed and ${trial.denials_of_expected === 1 ? "was" : "were"} expected would be denied.`;
}

/** Only addresses of the web become links. */
export const isWeb = (link: string): boolean => /^https?:\/\//.test(link);
