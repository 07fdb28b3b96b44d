/** A part of the console that could not be fetched: most often it was replaced by a newer one while this page was open. */
const GONE = /dynamically imported module|module script failed|error loading dynamically|Unable to preload CSS/i;

export interface Why {
  title: string;
  remedy: string;
  /** For whoever reports it. */
  detail: string;
  /** Whether only loading the page again can help. */
  reload: boolean;
}

export function whyItFailed(error: unknown, name: string): Why {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (GONE.test(text)) {
    return { title: `${name} could not be fetched.`, remedy: "Either the controller does not answer, or it was updated since this page was opened.", detail: text, reload: true };
  }
  return { title: `${name} cannot be shown: an error in the console.`, remedy: "If trying again does not help, report the line below.", detail: text, reload: false };
}
