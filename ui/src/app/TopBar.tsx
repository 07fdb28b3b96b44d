import { ActionIcon, Menu, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import type { ReactNode } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got } from "../api/client";
import { policies, waiting as waitingQuery } from "../api/queries";
import type { Status } from "../api/types";
import { closeGraph, useGraph } from "../live/useGraph";
import { IconAntenna, IconBell, IconCube, IconDots, IconFileCheck, IconLogout, IconMap, IconMoon, IconSettings, IconShieldCheck, IconSun, IconTarget, IconCheck } from "../look/icons";
import { count } from "../text/numbers";
import { Mark } from "./Mark";
import { failed } from "./notices";
import { Search } from "./Search";
import { useSession } from "./session";

export function TopBar({ status, at }: { status: Status | undefined; at: string }) {
  const documents = useQuery(policies);
  const waiting = useQuery(waitingQuery);
  const total = status === undefined ? undefined : status.services.learn + status.services.monitor + status.services.enforce + status.services.quarantine;
  return (
    <Bar at={at} numbers={{ services: total, events: status?.denied_24h, policies: documents.data?.items.length, review: waiting.data?.undecided }}>
      <Search />
      <Sensors status={status} />
      <Person />
    </Bar>
  );
}

const VIEWS = [["map", "Map"], ["services", "Services"], ["events", "Events"], ["policies", "Policies"], ["review", "Review"], ["blast", "Blast radius"], ["compliance", "Compliance"]] as const;

/** The way to the views, where what else stands in the bar cannot be shown. */
export const BareBar = ({ at }: { at: string }) => <Bar at={at} numbers={{}}><a href="#/settings" className="small">Settings and health</a></Bar>;

function Bar({ at, numbers, children }: { at: string; numbers: Partial<Record<string, number | undefined>>; children: ReactNode }) {
  return (
    <header className="top-bar">
      <a href="#/map" className="brand"><Mark /> <b>Bulkhead</b></a>
      <nav aria-label="Views">
        {VIEWS.map(([path, name]) => {
          const number = numbers[path];
          return (
            <a key={path} href={`#/${path}`} aria-current={at === path ? "page" : undefined} className={at === path ? "on" : ""}>
              {name}{number !== undefined && number > 0 && <span className="pill">{number > 9999 ? "9999+" : count(number)}</span>}
            </a>
          );
        })}
      </nav>
      <span className="grow" />
      {children}
    </header>
  );
}

function Sensors({ status }: { status: Status | undefined }) {
  const { liveness } = useGraph();
  if (status === undefined) return null;
  const fresh = status.nodes.filter((node) => status.time - node.last_report <= 30_000).length;
  return (
    <a href="#/settings" className="sensors small t2" title={liveness === "live" ? "Live" : "Not live"}>
      <IconAntenna size={15} aria-hidden="true" /> {liveness === "lost" ? "reconnecting" : `${count(fresh)} of ${count(status.nodes.length)} ${status.nodes.length === 1 ? "node" : "nodes"}`}
    </a>
  );
}

function Person() {
  const session = useSession();
  const client = useQueryClient();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const out = () => {
    got(api.DELETE("/api/v1/session")).then(() => {
      closeGraph();
      client.clear();
      client.setQueryData(["session"], null);
    }, failed);
  };
  const name = session?.name ?? "?";
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target><ActionIcon variant="default" radius="xl" size={28} aria-label={`${name.slice(0, 2).toUpperCase()}: ${name}, ${session?.role ?? ""}`} className="person">{name.slice(0, 2).toUpperCase()}</ActionIcon></Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{name}, {session?.role}</Menu.Label>
        <Menu.Item component="a" href="#/settings" leftSection={<IconSettings size={15} />}>Settings and health</Menu.Item>
        <Menu.Item leftSection={scheme === "dark" ? <IconSun size={15} /> : <IconMoon size={15} />} onClick={() => setColorScheme(scheme === "dark" ? "light" : "dark")}>{scheme === "dark" ? "Light" : "Dark"} theme</Menu.Item>
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={out}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const TABS = [["map", "Map", IconMap], ["services", "Services", IconCube], ["events", "Events", IconBell], ["policies", "Policies", IconFileCheck]] as const;

/** The same views at the lower edge of a phone. */
export function TabBar({ at }: { at: string }) {
  return (
    <nav className="tab-bar" aria-label="Views">
      {TABS.map(([path, name, Icon]) => <a key={path} href={`#/${path}`} aria-current={at === path ? "page" : undefined} className={at === path ? "on" : ""}><Icon size={22} stroke={1.6} aria-hidden="true" />{name}</a>)}
      <Menu position="top-end" width={200}>
        <Menu.Target><button type="button"><IconDots size={22} stroke={1.6} aria-hidden="true" />More</button></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component="a" href="#/review" leftSection={<IconCheck size={15} />}>Review</Menu.Item>
          <Menu.Item component="a" href="#/blast" leftSection={<IconTarget size={15} />}>Blast radius</Menu.Item>
          <Menu.Item component="a" href="#/compliance" leftSection={<IconShieldCheck size={15} />}>Compliance</Menu.Item>
          <Menu.Item component="a" href="#/settings" leftSection={<IconSettings size={15} />}>Settings</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </nav>
  );
}
