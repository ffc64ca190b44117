/** The measurements of the simulator that simulates nothing. */
export const bench = async (print: (line: string) => void): Promise<void> => print('0 events/s')
