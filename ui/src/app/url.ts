/** Where the console is: the whole state of a view, so that any of it can be linked. */
export interface Route {
  path: readonly string[];
  query: Readonly<Record<string, string>>;
}

export type Query = Record<string, string | number | boolean | undefined>;

export function parseHash(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const [path = "", search = ""] = splitOnce(text, "?");
  return {
    path: path.split("/").filter((part) => part !== "").map(decode),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

export function toHash(path: readonly string[], query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== "" && value !== false) search.set(key, String(value));
  // Readable links: slashes and colons are allowed in a fragment.
  const text = search.toString().replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%2C", ",");
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

/** The same place with some of its state changed; `undefined` removes. */
export function patched(route: Route, patch: Query): string {
  return toHash(route.path, { ...route.query, ...patch });
}

export const serviceHash = (service: string): string => toHash(["services", ...service.split("/")]);

function splitOnce(text: string, at: string): [string, string] {
  const i = text.indexOf(at);
  return i < 0 ? [text, ""] : [text.slice(0, i), text.slice(i + at.length)];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
