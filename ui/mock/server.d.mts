export interface Mock { url: string; stop: () => Promise<void> }
export function startMock(kind?: string, port?: number): Promise<Mock>;
