import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = ["#e6effc", "#cfe0fa", "#a9c8f7", "#83b0f4", "#6aa5ff", "#3c7fe8", "#2c6be0", "#1f5fcf", "#1b5bc8", "#164a9f"];

export const theme = createTheme({
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  colors: { accent },
  primaryColor: "accent",
  primaryShade: { light: 7, dark: 6 },
  defaultRadius: 6,
  fontSizes: { xs: "11px", sm: "13px", md: "13px", lg: "16px", xl: "18px" },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: "xs" } },
    TextInput: { defaultProps: { size: "xs" } },
    Select: { defaultProps: { size: "xs" } },
    NumberInput: { defaultProps: { size: "xs" } },
    Textarea: { defaultProps: { size: "xs" } },
    Switch: { defaultProps: { size: "sm" } },
    // Gone at once when closed: one that fades under load would swallow the keys that are meant for what is below it.
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.35 }, transitionProps: { duration: 0 }, closeButtonProps: { "aria-label": "Close" } } },
  },
});

/** Mantine's parts in the colours of the visual language. */
const ours = {
  "--mantine-color-body": "var(--panel)",
  "--mantine-color-text": "var(--t1)",
  "--mantine-color-dimmed": "var(--t3)",
  "--mantine-color-placeholder": "var(--t3)",
  "--mantine-color-default": "var(--raised)",
  "--mantine-color-default-hover": "var(--hover)",
  "--mantine-color-default-color": "var(--t1)",
  "--mantine-color-default-border": "var(--line2)",
  "--mantine-color-anchor": "var(--accent)",
  "--mantine-color-error": "var(--t1)",
  "--mantine-primary-color-filled": "var(--accent-solid)",
  "--mantine-primary-color-filled-hover": "var(--accent-solid)",
};
export const variables: CSSVariablesResolver = () => ({ variables: {}, light: ours, dark: ours });
