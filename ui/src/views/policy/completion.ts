// What may stand at a place of a policy document, by its JSON schema (docs/policy.schema.json).
import type { Offer } from "../../look/YamlEditor";

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: (string | number | boolean)[];
  const?: string;
  oneOf?: Schema[];
  anyOf?: Schema[];
}


/** Where in a document the text ends: the keys that lead there, those that stand beside it, and whether a value is asked for. */
export interface Place { path: string[]; beside: string[]; value: boolean }

interface Level { indent: number; key: string | undefined; beside: string[] }

/** Reads block and flow style as far as people write it; comments and multi-line texts are not looked into. */
export function placeOf(text: string): Place {
  const lines = text.slice(Math.max(0, text.lastIndexOf("\n---") + 1)).split("\n");
  const levels: Level[] = [{ indent: -1, key: undefined, beside: [] }];
  const open = (indent: number): Level => {
    while ((levels.at(-1)?.indent ?? -1) > indent) levels.pop();
    let top = levels.at(-1);
    if (top === undefined || top.indent < indent) {
      top = { indent, key: undefined, beside: [] };
      levels.push(top);
    }
    return top;
  };
  const last = lines.pop() ?? "";
  for (const line of lines) {
    if (line.trim() === "" || line.trim().startsWith("#") || line.startsWith("---")) continue;
    take(line, open);
  }
  return flow(last, take(last, open, true), levels);
}

/** Notes the keys of a line; answers with what stands behind the last of them. */
function take(line: string, open: (indent: number) => Level, unfinished = false): string {
  let at = /^ */.exec(line)?.[0].length ?? 0;
  let rest = line.slice(at);
  while (rest.startsWith("- ") || rest === "-") {
    // Each item begins anew, one step further in.
    const level = open(at);
    level.key = undefined;
    level.beside = [];
    const skip = /^- */.exec(rest)?.[0].length ?? 1;
    at += skip;
    rest = rest.slice(skip);
    const inner = open(at);
    inner.key = undefined;
    inner.beside = [];
  }
  const level = open(at);
  const key = /^([\w.-]+):(?: +|$)/.exec(rest);
  if (key === null) {
    if (unfinished) level.key = undefined;
    return rest;
  }
  level.key = key[1];
  level.beside.push(key[1] ?? "");
  return rest.slice(key[0].length);
}

/** What is left of the last line: a value, or a flow collection that is still open. */
function flow(last: string, rest: string, levels: readonly Level[]): Place {
  const path = levels.flatMap((level) => level.key ?? []);
  const value = /:(?: +|$)/.test(last) && rest !== last.trimStart().replace(/^(- *)*/, "");
  const inside: { key: string | undefined; beside: string[] }[] = [];
  let word = "";
  for (const char of rest) {
    if (char === "{" || char === "[") inside.push({ key: undefined, beside: [] });
    else if (char === "}" || char === "]") inside.pop();
    else if (char === ":") {
      const top = inside.at(-1);
      if (top !== undefined) {
        top.key = word.trim();
        top.beside.push(top.key);
      }
    } else if (char === ",") {
      const top = inside.at(-1);
      if (top !== undefined) top.key = undefined;
    } else {
      word += char;
      continue;
    }
    word = "";
  }
  const top = inside.at(-1);
  if (top === undefined) return { path: value ? path : path.slice(0, levels.at(-1)?.key === undefined ? undefined : -1), beside: value ? [] : (levels.at(-1)?.beside ?? []), value };
  const list = rest.lastIndexOf("[") > rest.lastIndexOf("{") && top.key === undefined;
  return { path: [...path, ...inside.flatMap((each) => each.key ?? [])], beside: list ? [] : top.beside, value: list || top.key !== undefined };
}

/** What may stand there. `names`: what the estate has, by the definition of the schema that asks for it. */
export function offersAt(text: string, schema: Schema, names: Readonly<Record<string, readonly string[]>>): Offer[] {
  const { path, beside, value } = placeOf(text);
  const kind = /^kind: *(\w+)/m.exec(text.slice(Math.max(0, text.lastIndexOf("\n---"))))?.[1];
  const roots = (schema.oneOf ?? []).filter((each) => kind === undefined || !Object.keys(schema.$defs ?? {}).includes(kind) || each.$ref === `#/$defs/${kind}`);
  let at: Named[] = roots.flatMap((root) => resolve(root, schema));
  for (const key of path) at = at.flatMap(({ schema: here }) => { const next = here.properties?.[key]; return next === undefined ? [] : resolve(next, schema); });
  const offers = new Map<string, Offer>();
  for (const { name, schema: here } of at) {
    if (value) {
      for (const each of here.enum ?? (here.const === undefined ? [] : [here.const])) offers.set(String(each), { label: String(each), detail: here.description, kind: "value" });
      for (const each of names[name ?? ""] ?? []) offers.set(each, { label: each, kind: "value" });
    } else {
      for (const [key, of] of Object.entries(here.properties ?? {})) if (!beside.includes(key)) offers.set(key, { label: key, detail: of.description ?? resolve(of, schema)[0]?.schema.description, kind: "key" });
      for (const each of here.enum ?? []) offers.set(String(each), { label: String(each), kind: "value" });
    }
  }
  return [...offers.values()];
}

interface Named { name: string | undefined; schema: Schema }

/** Without references, lists and choices: all that may stand there. */
function resolve(of: Schema, root: Schema, name?: string): Named[] {
  if (of.$ref !== undefined) {
    const target = of.$ref.replace("#/$defs/", "");
    const found = root.$defs?.[target];
    return found === undefined ? [] : resolve(found, root, target);
  }
  const choices = of.anyOf ?? of.oneOf;
  if (choices !== undefined) return [{ name, schema: { ...of, anyOf: [] } }, ...choices.flatMap((each) => resolve(each, root, name))];
  return of.items === undefined ? [{ name, schema: of }] : resolve(of.items, root, name);
}
