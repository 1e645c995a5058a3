/** What a workload is: a function of a place to work in, which returns named figures. */

export interface Figure {
  readonly value: number
  readonly unit: string
}

export type Figures = Readonly<Record<string, Figure>>

export interface WorkloadContext {
  /** One line for whoever watches. */
  progress(text: string): void
}

export type Workload = (context: WorkloadContext) => Promise<Figures>
