/** Columns as an Apache Parquet file, by hyparquet-writer. */
import { parquetWriteBuffer } from 'hyparquet-writer'

export type ParquetColumn =
  | { readonly name: string; readonly type: 'STRING'; readonly data: readonly string[] }
  /** Safe integers. */
  | { readonly name: string; readonly type: 'INT64'; readonly data: readonly number[] }

/** All columns have the same length. */
export const parquetFile = (columns: readonly ParquetColumn[]): Uint8Array =>
  new Uint8Array(parquetWriteBuffer({
    columnData: columns.map((column) =>
      (column.type === 'INT64' ? { ...column, data: column.data.map(BigInt) } : { ...column, data: [...column.data] })),
  }))
