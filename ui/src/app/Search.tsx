import { Modal, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { services } from "../api/queries";
import { ModeGlyph } from "../look/Glyphs";
import { IconChevronRight, IconSearch } from "../look/icons";
import type { Mode } from "../api/types";
import { go } from "./router";
import { serviceHash, toHash } from "./url";

interface Found { label: string; detail: string; to: string; mode?: Mode }

const VIEWS: Found[] = [["map", "Map"], ["services", "Services"], ["events", "Events"], ["policies", "Policies"], ["review", "Review"], ["blast", "Blast radius"], ["compliance", "Compliance"], ["settings", "Settings"]].map(([path = "", label = ""]) => ({ label, detail: "view", to: toHash([path]) }));

/** Ctrl K: a service on the map, its page, or a view. */
export function Search() {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  // Enter before the services are there: what it means is known when they are.
  const [entered, setEntered] = useState(false);
  const { data } = useQuery({ ...services, enabled: open });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOpen(true);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const fits = (label: string) => words.every((word) => label.toLowerCase().includes(word));
  const found: Found[] = [
    ...(data?.items ?? []).filter((each) => fits(each.name)).slice(0, 8).flatMap((each): Found[] => [
      { label: each.name, detail: "on the map", to: toHash(["map"], { focus: each.name }), mode: each.mode },
      ...(words.length > 0 ? [{ label: each.name, detail: "its page", to: serviceHash(each.name), mode: each.mode }] : []),
    ]),
    ...VIEWS.filter((view) => fits(view.label)),
  ].slice(0, 12);
  const choose = (each: Found | undefined) => {
    if (each === undefined) return;
    go(each.to);
    setOpen(false);
    setText("");
  };
  if (entered && data !== undefined) {
    setEntered(false);
    if (open) queueMicrotask(() => choose(found[at]));
  }
  return (
    <>
      <button type="button" className="search-button" onClick={() => setOpen(true)}>
        <IconSearch size={15} aria-hidden="true" /><span className="t3 grow">Search or jump to</span><kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <Modal opened={open} onClose={() => setOpen(false)} withCloseButton={false} size={520} yOffset={80} centered={false} padding={12} title="Search or jump to">
        <TextInput size="sm" data-autofocus leftSection={<IconSearch size={15} />} placeholder="service, zone or view" aria-label="Search" value={text}
          onChange={(event) => { setText(event.currentTarget.value); setAt(0); }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, at + 1));
            else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
            else if (event.key === "Enter") { if (data === undefined) setEntered(true); else choose(found[at]); }
            else return;
            event.preventDefault();
          }} />
        <ul className="found">
          {found.map((each, i) => (
            <li key={each.to}><button type="button" className={i === at ? "on" : ""} onMouseEnter={() => setAt(i)} onClick={() => choose(each)}>
              {each.mode === undefined ? <IconChevronRight size={13} aria-hidden="true" /> : <ModeGlyph mode={each.mode} />} <span className="grow ellipsis">{each.label}</span> <span className="t3 small">{each.detail}</span>
            </button></li>
          ))}
          {found.length === 0 && <li className="t3">{data === undefined ? "One moment…" : "Nothing has that name."}</li>}
        </ul>
      </Modal>
    </>
  );
}
