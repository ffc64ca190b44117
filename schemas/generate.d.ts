/** The text of generated/layout.ts for a schema that flatc accepts. */
export function layout(schema: string): Promise<string>
/** Every generated file: its text by its path below generated/. */
export function generate(): Promise<Map<string, string>>
/** Every committed file, likewise. */
export function committed(): Map<string, string>
