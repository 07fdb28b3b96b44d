// Writes src/api/schema.d.ts from the checked-in OpenAPI document; with --check fails when the file is stale.
import openapiTS, { astToString } from "openapi-typescript";
import { readFile, writeFile } from "node:fs/promises";

const source = new URL("../../crates/api/openapi.json", import.meta.url);
const target = new URL("../src/api/schema.d.ts", import.meta.url);
const head = "// Made from crates/api/openapi.json by `npm run api`; not to be edited.\n\n";
const text = head + astToString(await openapiTS(source));
if (process.argv.includes("--check")) {
  const old = await readFile(target, "utf8").catch(() => "");
  if (old !== text) {
    console.error("src/api/schema.d.ts is not what crates/api/openapi.json says. Run `npm run api`, then mend what no longer compiles.");
    process.exit(1);
  }
  console.log("src/api/schema.d.ts is up to date.");
} else {
  await writeFile(target, text);
}
