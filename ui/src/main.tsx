import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./look/mantine.css";
import "./look/tokens.css";
import "./look/base.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Refused } from "./api/client";
import { App } from "./app/App";
import { ViewBoundary } from "./app/ViewBoundary";
import { theme, variables } from "./app/theme";

performance.mark("script");
const client = new QueryClient({
  defaultOptions: {
    // The controller may be on this very machine: being offline is no reason not to ask it.
    mutations: { networkMode: "always" },
    queries: { networkMode: "always", retry: (failures, error) => !(error instanceof Refused) && failures < 2, staleTime: 2000, refetchOnWindowFocus: true },
  },
});

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
        <QueryClientProvider client={client}>
          <ViewBoundary name="The console" at=""><App /></ViewBoundary>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
