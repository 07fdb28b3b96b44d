export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden="true" className="mark">
      <rect x="2" y="2" width="20" height="20" rx="5" />
      <path d="M6 12h6M12.5 6.5v11M17 6.5v11" strokeWidth="2.4" strokeLinecap="round" />
    </svg>
  );
}
