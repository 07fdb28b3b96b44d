import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Relative paths: the console works below any prefix. Routes are in the fragment, so the page itself never moves.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: { target: "es2022", cssCodeSplit: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1200 },
  worker: { format: "es" },
  server: { proxy: { "/api": process.env.BULKHEAD_URL ?? "http://127.0.0.1:7070" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
