import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The page asks for the parts of its home view and their style at once, not one after the other as each is read. */
const homeAtOnce = (): Plugin => ({
  name: "home-at-once",
  transformIndexHtml: {
    order: "post",
    handler(_, { bundle }) {
      const chunks = Object.values(bundle ?? {}).filter((each) => each.type === "chunk");
      const home = chunks.find((chunk) => chunk.facadeModuleId?.endsWith("/views/map/MapView.tsx") === true);
      const early = chunks.find((chunk) => chunk.facadeModuleId?.endsWith("/src/early.ts") === true);
      const entry = chunks.find((chunk) => chunk.isEntry && chunk !== early);
      if (home === undefined || early === undefined || entry === undefined) return [];
      const needed = new Set<string>();
      const follow = (name: string) => {
        if (needed.has(name)) return;
        needed.add(name);
        chunks.find((chunk) => chunk.fileName === name)?.imports.forEach(follow);
      };
      follow(home.fileName);
      for (const name of [entry.fileName, ...entry.imports]) needed.delete(name);
      const font = Object.keys(bundle ?? {}).find((name) => /inter-latin-wght-normal-.*\.woff2$/.test(name));
      const styles = Object.keys(bundle ?? {}).filter((name) => /MapView-.*\.css$/.test(name));
      return [
        { tag: "script", attrs: { type: "module", async: true, crossorigin: true, src: `./${early.fileName}` } },
        ...[...needed].map((name) => ({ tag: "link", attrs: { rel: "modulepreload", crossorigin: true, href: `./${name}` } })),
        ...styles.map((name) => ({ tag: "link", attrs: { rel: "stylesheet", crossorigin: true, href: `./${name}` } })),
        ...(font === undefined ? [] : [{ tag: "link", attrs: { rel: "preload", as: "font", type: "font/woff2", crossorigin: true, href: `./${font}` } }]),
      ].map((tag) => ({ ...tag, injectTo: tag.tag === "script" ? "head-prepend" as const : "head" as const }));
    },
  },
});

// What the home view shares with others comes in one piece with it: two dozen small files would wait for each other.
const GROUPS = [{ name: "parts", test: /\/src\/(app|api|live|look|text)\/(?!YamlEditor|Plot)|@mantine\/core\/esm\/components\/(Checkbox|Menu|TextInput|Modal|Button|InlineInput)\// }];

// Relative paths: the console works below any prefix. Routes are in the fragment, so the page itself never moves.
export default defineConfig({
  base: "./",
  plugins: [react(), homeAtOnce()],
  build: { target: "es2022", cssCodeSplit: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1200, rolldownOptions: { input: { index: "index.html", early: "src/early.ts" }, output: { codeSplitting: { groups: GROUPS } } } },
  worker: { format: "es" },
  server: { fs: { allow: [".."] }, proxy: { "/api": process.env.BULKHEAD_URL ?? "http://127.0.0.1:7070" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
