import { autocompletion, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

/** What may stand at the cursor. */
export interface Offer { label: string; detail?: string | undefined; kind: "key" | "value" }
export interface Fault { line: number; column?: number | undefined; message: string }

const look = EditorView.theme({
  "&": { backgroundColor: "var(--panel)", color: "var(--t1)", fontSize: "12px", height: "100%" },
  ".cm-content": { fontFamily: '"JetBrains Mono Variable", monospace', lineHeight: "19px", caretColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "var(--zone)", color: "var(--t3)", border: "0", fontFamily: '"JetBrains Mono Variable", monospace' },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused .cm-cursor": { borderLeftColor: "var(--accent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", border: "1px solid var(--line2)", borderRadius: "6px", color: "var(--t1)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--t1)" },
  ".cm-lintRange-error": { backgroundImage: "none", borderBottom: "2px solid var(--t1)" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--t1)" },
});
const ink = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--t2)" },
  { tag: [tags.string, tags.content, tags.number, tags.bool], color: "var(--t1)", fontWeight: "500" },
  { tag: tags.comment, color: "var(--t3)", fontStyle: "italic" },
]);

/** A policy document; faults of the last check stand in their lines. */
export default function YamlEditor({ value, onChange, faults, offers, readOnly }: { value: string; onChange?: (text: string) => void; faults?: readonly Fault[]; offers?: (before: string) => Offer[]; readOnly?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const change = useRef(onChange);
  const known = useRef(offers);
  const first = useRef(value);
  useEffect(() => {
    change.current = onChange;
    known.current = offers;
  });
  useEffect(() => {
    if (box.current === null) return;
    const made = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          lineNumbers(), history(), drawSelection(), highlightActiveLine(), highlightActiveLineGutter(), keymap.of([...defaultKeymap, ...historyKeymap, ...(readOnly === true ? [] : [indentWithTab])]), yaml(), look, syntaxHighlighting(ink), EditorState.readOnly.of(readOnly ?? false), EditorView.editable.of(readOnly !== true),
          EditorView.contentAttributes.of({ "aria-label": "Policy documents as YAML", tabindex: "0" }),
          autocompletion({ icons: false, override: [(context: CompletionContext) => {
            const word = context.matchBefore(/[\w./-]*/);
            if (word === null || (word.from === word.to && !context.explicit)) return null;
            const options = known.current?.(context.state.sliceDoc(0, word.from)) ?? [];
            return { from: word.from, options: options.map(({ label, detail, kind }) => ({ label, ...(detail === undefined ? {} : { detail }), type: kind === "key" ? "property" : "constant", apply: kind === "key" ? `${label}: ` : label })) };
          }] }),
          EditorView.updateListener.of((update) => { if (update.docChanged) change.current?.(update.state.doc.toString()); }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [readOnly]);
  useEffect(() => {
    const at = view.current;
    if (at !== null && at.state.doc.toString() !== value) at.dispatch({ changes: { from: 0, to: at.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    const at = view.current;
    if (at === null) return;
    at.dispatch(setDiagnostics(at.state, (faults ?? []).map((fault) => {
      const line = at.state.doc.line(Math.min(at.state.doc.lines, Math.max(1, fault.line)));
      return { from: Math.min(line.to, line.from + Math.max(0, (fault.column ?? 1) - 1)), to: line.to, severity: "error", message: fault.message };
    })));
  }, [faults]);
  return <div ref={box} className="yaml" />;
}
