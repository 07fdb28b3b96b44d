export const STATES: Record<string, { kind: string; role?: string; fate?: string; says: string }>;
export const STORIES: { name: string; hash: string; of: string[]; form?: boolean }[];
export function page(): string;
