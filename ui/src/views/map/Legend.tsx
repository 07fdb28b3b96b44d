/** Form says the verdict; colour only repeats it. */
export function Legend() {
  return (
    <div className="legend micro" aria-hidden="true">
      <svg width="132" height="66" viewBox="0 0 132 66" fill="none">
        <g className="wire allowed"><path d="M2 8h34" strokeWidth="1.5" className="wire-line" /><path d="M42 8l-8-4v8z" className="arrow" /></g>
        <g className="wire would-deny"><path d="M2 24h34" className="wire-line" /><rect x="12" y="18" width="5" height="12" rx="1.5" className="gate" /><path d="M42 24l-8-4v8z" className="arrow" /></g>
        <g className="wire denied"><path d="M2 40h10" className="stub" /><path d="M14 40h20" className="dots" /><path d="M12 34v12" className="bar" /><circle cx="38" cy="40" r="3.5" className="hollow" /></g>
        <path d="M25.5 51.2a6 6 0 1 1-5 0" stroke="var(--hull)" strokeWidth="2.2" />
        <text x="52" y="12">allowed</text><text x="52" y="28">would deny</text><text x="52" y="44">denied</text><text x="52" y="61">gap = unseen</text>
      </svg>
    </div>
  );
}
