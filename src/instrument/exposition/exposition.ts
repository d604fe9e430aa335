// Writes a registry: our own metrics by themselves, all others through prom-client's formatting, so that the whole is byte for byte what
// `registry.metrics()` gives. Yields pieces of text; whoever takes them may leave time between.
import { Registry } from 'prom-client';
import { describeError } from '../../errors.ts';
import type { ExposableMetric } from '../metrics/metric.ts';
import { metricKind } from '../metrics/metric-kind.ts';
import type { MetricRegistry } from '../metrics/registry.ts';
import { type DefaultLabels, type ExpositionFormat, familyName } from './exposition-text.ts';

export const CONTENT_TYPES = {
  text: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
} as const satisfies Record<ExpositionFormat, string>;

/** Less than the 10 s after which Prometheus gives up by default, so that the log says which metric it was. */
const COLLECT_TIMEOUT_MS = 9000;
/** Samples of another's metric that are formatted in one go; prom-client takes about 3 us for each. */
const SAMPLES_AT_ONCE = 250;

/** What a metric of prom-client gives when it is asked for its values. */
interface Snapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values?: readonly unknown[];
}

type Outcome = { readonly snapshot: Snapshot } | { readonly error: unknown };

/** A metric that is not ours. */
interface ForeignMetric {
  readonly name: string;
  /** Called by `get`, where the user gave one: it may take its time, and may throw. */
  readonly collect?: unknown;
  get(): Promise<Snapshot> | Snapshot;
  getForPromString?(): Promise<Snapshot> | Snapshot;
}

/** What is needed to write a registry in parts; those of prom-client and @prometheus-io/client have it. */
interface OpenRegistry extends MetricRegistry {
  getMetricsAsArray(): readonly unknown[];
  getMetricsAsString(metric: { get(): unknown }): Promise<string>;
  readonly _defaultLabels: DefaultLabels;
}

/** Whether a registry can be written in parts and in either format; of another one there is only what `metrics()` gives. */
export function isOpen(registry: MetricRegistry): registry is OpenRegistry {
  const { getMetricsAsArray, getMetricsAsString, _defaultLabels } = registry as Partial<OpenRegistry>;
  return (
    typeof getMetricsAsArray === 'function' &&
    typeof getMetricsAsString === 'function' &&
    typeof _defaultLabels === 'object' &&
    _defaultLabels !== null
  );
}

/**
 * The exposition of `registry`. Metrics with a `collect` of the user's are asked first, all at once.
 * @param collectTimeoutMs how long they may take together
 * @throws Error naming the metrics that could not be collected
 */
export async function* writeExposition(
  registry: OpenRegistry,
  format: ExpositionFormat,
  collectTimeoutMs: number = COLLECT_TIMEOUT_MS,
): AsyncGenerator<string> {
  const metrics = registry.getMetricsAsArray();
  const defaults = registry._defaultLabels;
  const print = createPrinter(registry, format);
  const collected = yield* collectFirst(metrics, collectTimeoutMs);
  let isFirst = true;
  for (const metric of metrics) {
    if (!isFirst && format === 'text') yield '\n';
    isFirst = false;
    if (isOurs(metric)) yield* metric.expose(format, defaults);
    else yield* writeForeign(registry, metric as ForeignMetric, collected.get(metric), format, print);
  }
  if (format === 'openmetrics') yield '# EOF\n';
  else if (isFirst) yield '\n';
}

/** Those of another copy of this package too: kind 1 can `expose`. */
function isOurs(metric: unknown): metric is ExposableMetric {
  return metricKind(metric)?.endsWith('/1') === true;
}

/** Starts every `collect` before it waits for any, as prom-client does; yields between, as each may take long. */
async function* collectFirst(metrics: readonly unknown[], timeoutMs: number): AsyncGenerator<string, Map<unknown, Snapshot>> {
  const started: { metric: ForeignMetric; outcome: Promise<Outcome> }[] = [];
  for (const metric of metrics as readonly ForeignMetric[]) {
    if (isOurs(metric) || typeof metric.collect !== 'function') continue;
    const outcome = takeSnapshot(metric).then(
      (snapshot) => ({ snapshot }),
      (error: unknown) => ({ error }),
    );
    started.push({ metric, outcome });
    yield '';
  }
  const snapshots = new Map<unknown, Snapshot>();
  const failures: string[] = [];
  const late = afterMs(started.length === 0 ? 0 : timeoutMs);
  for (const { metric, outcome } of started) {
    const settled = await Promise.race([outcome, late.outcome]);
    if ('snapshot' in settled) snapshots.set(metric, settled.snapshot);
    else failures.push(`${metric.name}: ${describeError(settled.error)}`);
  }
  late.cancel();
  if (failures.length > 0) throw new Error(failures.join('; '));
  return snapshots;
}

/** An error that comes after a time, unless it is cancelled. */
function afterMs(timeoutMs: number): { readonly outcome: Promise<Outcome>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const outcome = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve({ error: new Error(`its collect took more than ${timeoutMs} ms`) }), timeoutMs).unref();
  });
  return { outcome, cancel: () => clearTimeout(timer) };
}

async function takeSnapshot(metric: ForeignMetric): Promise<Snapshot> {
  return typeof metric.getForPromString === 'function' ? metric.getForPromString() : metric.get();
}

type Printer = (snapshot: Snapshot) => Promise<string>;

/** The registry's own formatting where its type is the wanted format; a registry of that type otherwise. */
function createPrinter(registry: OpenRegistry, format: ExpositionFormat): Printer {
  let printing: Pick<OpenRegistry, 'getMetricsAsString'> = registry;
  if (registry.contentType !== CONTENT_TYPES[format]) {
    const other = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE | typeof Registry.PROMETHEUS_CONTENT_TYPE>();
    other.setContentType(CONTENT_TYPES[format]);
    other.setDefaultLabels(registry._defaultLabels);
    printing = other as unknown as OpenRegistry;
  }
  return (snapshot) => printing.getMetricsAsString({ get: () => snapshot });
}

/** A metric of the user's, some samples at a time. Its values are read in one go: that is prom-client's to do, and not bounded by us. */
async function* writeForeign(
  registry: OpenRegistry,
  metric: ForeignMetric,
  collected: Snapshot | undefined,
  format: ExpositionFormat,
  print: Printer,
): AsyncGenerator<string> {
  try {
    const snapshot = collected ?? (await takeSnapshot(metric));
    const named = { ...snapshot, name: nameFor(registry, metric, snapshot, format) };
    const values = snapshot.values ?? [];
    for (let from = 0; from === 0 || from < values.length; from += SAMPLES_AT_ONCE) {
      const text = `${await print({ ...named, values: values.slice(from, from + SAMPLES_AT_ONCE) })}\n`;
      const body = text.indexOf('\n', text.indexOf('\n') + 1) + 1;
      if (from > 0) yield text.slice(body);
      else yield format === 'openmetrics' ? text.slice(0, body).replaceAll('"', '\\"') + text.slice(body) : text;
    }
  } catch (error) {
    throw new Error(`${metric.name}: ${describeError(error)}`, { cause: error });
  }
}

/** prom-client takes `_total` off a counter for good when it once writes OpenMetrics: text gets it back. */
function nameFor(registry: OpenRegistry, metric: ForeignMetric, { name, type }: Snapshot, format: ExpositionFormat): string {
  if (format === 'openmetrics') return familyName(name, type, format);
  return type === 'counter' && registry.getSingleMetric(`${name}_total`) === metric ? `${name}_total` : name;
}
