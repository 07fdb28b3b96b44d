import { useMediaQuery } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { api, got, Refused, setCsrf, whenSignedOut } from "../api/client";
import { status as statusQuery } from "../api/queries";
import { closeGraph } from "../live/useGraph";
import { Failure, Skeleton } from "../look/States";
import { Login } from "./Login";
import { Notices } from "./notices";
import { setServerTime } from "./now";
import { useRoute } from "./router";
import { SessionContext } from "./session";
import { StaleBar } from "./StaleBar";
import { BareBar, TabBar, TopBar } from "./TopBar";
import { ViewBoundary } from "./ViewBoundary";

// Each view comes when it is first opened; the map, which is home, is asked for at once.
const home = import("../views/map/MapView");
const NAMES = { map: "The map", services: "The list of services", service: "The service's page", events: "The list of events", policies: "Policies", review: "Review", blast: "Blast radius", compliance: "Compliance", settings: "Settings" };
const views = {
  map: lazy(() => home),
  services: lazy(() => import("../views/services/ServicesView")),
  service: lazy(() => import("../views/service/ServiceView")),
  events: lazy(() => import("../views/events/EventsView")),
  policies: lazy(() => import("../views/policy/PolicyView")),
  review: lazy(() => import("../views/review/ReviewView")),
  blast: lazy(() => import("../views/blast/BlastView")),
  compliance: lazy(() => import("../views/compliance/ComplianceView")),
  settings: lazy(() => import("../views/settings/SettingsView")),
};

export function App() {
  const client = useQueryClient();
  const session = useQuery({
    queryKey: ["session"],
    queryFn: async () => {
      try {
        return await got(api.GET("/api/v1/session"));
      } catch (error) {
        if (error instanceof Refused && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
  // Kept outside of React: every request needs it.
  setCsrf(session.data?.csrf ?? undefined);
  useEffect(() => {
    whenSignedOut(() => {
      closeGraph();
      client.setQueryData(["session"], null);
    });
  }, [client]);

  if (session.isPending) return <div className="shell"><main className="page"><Skeleton /></main></div>;
  if (session.data === undefined) return <div className="shell"><main className="page"><Failure error={session.error} retry={() => void session.refetch()} /></main></div>;
  if (session.data === null) return <Login onIn={(data) => client.setQueryData(["session"], data)} />;
  return (
    <SessionContext value={session.data}>
      <Inside />
      <Notices />
    </SessionContext>
  );
}

function Inside() {
  const { path } = useRoute();
  const phone = useMediaQuery("(max-width: 760px)", window.innerWidth <= 760, { getInitialValueInEffect: false });
  const status = useQuery(statusQuery);
  useEffect(() => {
    if (status.data !== undefined) setServerTime(status.data.time);
  }, [status.data]);
  const [first = "map", second, third] = path;
  const name = first === "services" && second !== undefined && third !== undefined ? "service" : first in views ? (first as keyof typeof views) : "map";
  const View = views[name];
  useEffect(() => {
    document.title = `${third ?? first.charAt(0).toUpperCase() + first.slice(1)} · Bulkhead`;
  }, [first, third]);
  return (
    <div className={`shell view-${name}`}>
      <ViewBoundary name="The bar" at={location.hash} instead={<BareBar at={first} />}><TopBar status={status.data} at={first} /></ViewBoundary>
      <ViewBoundary name="The notices" at={location.hash} instead={null}><StaleBar status={status} /></ViewBoundary>
      <ViewBoundary key={name} name={NAMES[name]} at={location.hash}>
        <Suspense fallback={<main className="page"><Skeleton lines={8} /></main>}>
          <View key={name === "service" ? `${second}/${third}` : name} />
        </Suspense>
      </ViewBoundary>
      {phone && <TabBar at={first} />}
    </div>
  );
}
