import { Button } from "@mantine/core";

/** An action with its key on it; phones show no keys. */
export function ButtonWithKey({ label, hint, variant = "default", href, onClick, loading, disabled }: {
  label: string;
  hint?: string;
  variant?: "default" | "filled";
  href?: string;
  onClick?: (() => void) | undefined;
  loading?: boolean;
  disabled?: boolean;
}) {
  const inner = <>{label}{hint !== undefined && <kbd aria-hidden="true">{hint}</kbd>}</>;
  if (href !== undefined) return <Button component="a" href={href} variant={variant}>{inner}</Button>;
  return <Button variant={variant} onClick={onClick} loading={loading ?? false} disabled={disabled ?? false}>{inner}</Button>;
}
