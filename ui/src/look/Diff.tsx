/** A unified diff; signs say it, the ground repeats it. */
export function Diff({ text }: { text: string }) {
  if (text.trim() === "") return <p className="t3 small">No line of any document changes.</p>;
  return (
    <pre className="diff" tabIndex={0}>
      {text.replace(/\n$/, "").split("\n").map((line, i) => (
        <span key={i} className={line.startsWith("+++") || line.startsWith("---") ? "file" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : line.startsWith("@@") ? "at" : ""}>{line === "" ? " " : line}{"\n"}</span>
      ))}
    </pre>
  );
}
