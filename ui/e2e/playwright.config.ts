import { defineConfig } from "@playwright/test";

// Against a running server: BULKHEAD_URL, BULKHEAD_TOKEN of an admin. The browser is the system's.
export default defineConfig({
  testDir: ".",
  timeout: 60_000,
  workers: 1,
  reporter: "list",
  use: {
    baseURL: process.env.BULKHEAD_URL ?? "http://127.0.0.1:7070",
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
