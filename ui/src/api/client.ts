import createClient, { type Middleware } from "openapi-fetch";
import { early } from "./early";
import type { paths } from "./schema";
import type { ApiError } from "./types";

/** The address below which the server lives: the page's own, whatever prefix a proxy puts before it. */
export const base = (): string => new URL(".", document.baseURI).href.replace(/\/$/, "");

let csrf: string | undefined;
export const setCsrf = (value: string | undefined): void => {
  csrf = value;
};

/** What the server says when it says no; the console repeats its words. */
export class Refused extends Error {
  constructor(readonly status: number, readonly error: ApiError) {
    super(error.message);
  }
}

/** Nobody answered: enforcement is in the kernel and goes on. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("The controller does not answer.", { cause });
  }
}

const withCsrf: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrf !== undefined) request.headers.set("X-Bulkhead-CSRF", csrf);
    return request;
  },
};

export const api = createClient<paths>({
  baseUrl: typeof document === "undefined" ? "" : base(),
  credentials: "same-origin",
  fetch: async (request) => (await early(request, base())) ?? fetch(request).catch((cause: unknown) => { throw new Unreachable(cause); }),
});
api.use(withCsrf);

let onSignedOut: () => void = () => undefined;
export const whenSignedOut = (act: () => void): void => {
  onSignedOut = act;
};

interface Answer<T> { data?: T; error?: unknown; response: Response }

/** The data of a success, or a throw that says what the server said. */
export async function got<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await answer;
  if (response.ok) return (data ?? {}) as NonNullable<T>;
  if (response.status === 401) onSignedOut();
  const body = error as { error?: ApiError } | undefined;
  throw new Refused(response.status, body?.error ?? {
    code: "internal",
    message: `The answer (status ${response.status}) is not from Bulkhead.`,
    remedy: "Check what stands between the console and the controller.",
  });
}
