/** What `npm run bench` prints. */
export async function bench(print: (line: string) => void): Promise<void> {
  print('')
}
