export interface MadeUpEstate { url: string; token: string; ask: (line: string) => Promise<string>; stop: () => Promise<unknown> }
export function startEstate(program: string | undefined, services?: number, edges?: number): Promise<MadeUpEstate>;
