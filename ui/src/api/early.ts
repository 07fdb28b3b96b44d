/** What `early.ts` asked for before the console itself was there, by path. */
export type EarlyAnswers = Record<string, Promise<Response>>;

/** An answer that is on its way already; each is taken once, and none is old or a refusal. */
export async function early(request: Request, base: string): Promise<Response | undefined> {
  const answers = (globalThis as { bulkheadEarly?: EarlyAnswers }).bulkheadEarly;
  if (answers === undefined || request.method !== "GET") return undefined;
  const path = request.url.startsWith(`${base}/api/v1/`) ? request.url.slice(base.length + 8) : "";
  const answer = answers[path];
  if (answer === undefined) return undefined;
  delete answers[path];
  try {
    const response = await answer;
    return response.ok ? response : undefined;
  } catch {
    return undefined;
  }
}
