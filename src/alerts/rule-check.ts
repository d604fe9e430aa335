// From what is written of a rule to the rule: checked as a whole, its defaults filled in. The same for rules of files, of Postgres and of
// targets, so that what one accepts all accept.
import type { FileProblem } from '../yaml-file.ts';
import { parseAnnotation } from './annotation.ts';
import { anyOf, type Condition, parseCondition } from './condition.ts';
import { type CompiledQuery, compileQuery } from './parameters.ts';
import type { Rule } from './rule.ts';
import { OWN_UID, RULE_DEFAULTS, TARGET_FILE, TARGET_GROUP } from './rule-defaults.ts';
import { lintRule, refuseRule } from './rule-lint.ts';
import { type Path, RuleProblems, type Source } from './rule-problems.ts';
import { QUERY_KEYS, ruleSchema, type WrittenRule } from './rule-schema.ts';
import { expandShortForm, shortFormOf } from './short-forms/short-form.ts';
import { SHORT_FORMS } from './short-forms/short-form-schema.ts';
import { tokenizeSql } from './sql-tokens.ts';

/** Where a rule stands, and what its group says. */
export interface RulePlace {
  readonly group: string;
  /** Distance of the slots of its group. */
  readonly everyMs: number;
  readonly source: Source;
  /** Where the rule begins in the source; [] where there is nothing else in it. */
  readonly path: Path;
  /** Line of the first line of the query at a path; undefined where its lines are lost. Default: the first line of the source. */
  readonly queryLineOf?: (path: Path) => number | undefined;
  /** Names that `notify` may hold; default: not checked. */
  readonly receivers?: readonly string[] | undefined;
  /** False: nobody reads warnings, which are not looked for. Default true. */
  readonly hasWarnings?: boolean | undefined;
}

export interface CheckedRule {
  /** Undefined when there are problems. */
  readonly rule: Rule | undefined;
  readonly problems: readonly FileProblem[];
  /** What is allowed, and most likely not meant. */
  readonly warnings: readonly FileProblem[];
}

/** Checks what is given for one rule (YAML or JSON, parsed). Never throws: all that is wrong is told, with its line. */
export function checkRule(given: unknown, place: RulePlace): CheckedRule {
  const checker = new RuleChecker(place);
  const written = checker.told.check(ruleSchema, given, place.path);
  const rule = written === undefined ? undefined : checker.compile(written);
  return { rule, problems: checker.told.problems, warnings: rule === undefined ? [] : checker.told.warnings };
}

interface Conditions {
  readonly fireWhen: Condition;
  readonly clearWhen: Condition | undefined;
  readonly steps: Rule['steps'];
}

class RuleChecker {
  readonly told: RuleProblems;
  readonly #place: RulePlace;

  constructor(place: RulePlace) {
    this.#place = place;
    this.told = new RuleProblems(place.source);
  }

  compile(given: WrittenRule): Rule | undefined {
    const { group, everyMs, source, path } = this.#place;
    const form = shortFormOf(given);
    if (form !== undefined && !this.#isOneForm(given, form)) return undefined;
    const written = expandShortForm(given, everyMs);
    const params = written.params ?? {};
    const compiled = this.#query(written.query, ['query'], params, { names: paramsOfQuery(written) });
    const conditions = this.#conditions(written);
    const context = this.#context(written.context, params, given.context !== undefined);
    const expect = this.#expect(written.expect, params);
    const annotations = this.#annotations(written.annotations ?? {});
    this.#checkFor(written.for);
    this.#checkReceivers(written.notify ?? []);
    this.#checkNames(written.uid);
    if (compiled === undefined || conditions === undefined || this.told.problems.length > 0) return undefined;
    const rule: Rule = {
      uid: written.uid ?? `${group}/${written.alert}`,
      name: written.alert,
      file: source.file,
      line: source.lineOf([...path, 'alert']),
      query: written.query ?? '',
      queryLine: form === undefined ? this.#queryLineOf(['query']) : undefined,
      params,
      compiled,
      ...conditions,
      for: written.for === undefined ? RULE_DEFAULTS.for : typeof written.for === 'number' ? { ms: written.for } : written.for,
      keepFiringForMs: written.keep_firing_for ?? RULE_DEFAULTS.keepFiringForMs,
      missing: written.missing ?? RULE_DEFAULTS.missing,
      noData: written.no_data ?? RULE_DEFAULTS.noData,
      onError:
        written.on_error === undefined
          ? RULE_DEFAULTS.onError
          : { policy: written.on_error.policy, afterMs: written.on_error.after },
      partial: written.partial ?? RULE_DEFAULTS.partial,
      latch: written.latch ?? RULE_DEFAULTS.latch,
      maxMessages: written.max_messages ?? RULE_DEFAULTS.maxMessages,
      context,
      expect,
      labels: written.labels ?? {},
      annotations,
      notify: written.notify,
    };
    // What a short form stands for is not in the file: it is told of the form.
    const placeOf = (at: Path) => [
      ...path,
      ...(form === undefined || given[at[0] as keyof WrittenRule] !== undefined ? at : [form]),
    ];
    const refuse = (at: Path, message: string) => this.told.say(placeOf(at), message);
    if (this.#place.hasWarnings === false) refuseRule(rule, { refuse });
    else lintRule(rule, everyMs, { refuse, warn: (at, message) => this.told.warn(placeOf(at), message) });
    return this.told.problems.length > 0 ? undefined : rule;
  }

  /** A short form takes the place of a query and its conditions. */
  #isOneForm(given: WrittenRule, form: string): boolean {
    const { path } = this.#place;
    const others = [...QUERY_KEYS, ...SHORT_FORMS].filter((key) => key !== form && given[key] !== undefined);
    for (const key of others) this.told.say([...path, key], `stands beside ${form}; allowed: one of them`);
    const { throughput } = given;
    if (throughput !== undefined && (throughput.above === undefined) === (throughput.below === undefined))
      this.told.say([...path, 'throughput'], 'allowed: either above or below');
    return this.told.problems.length === 0;
  }

  #query(
    text: string | undefined,
    at: Path,
    params: Rule['params'],
    options: { names: readonly string[]; hasLabels?: boolean },
  ): CompiledQuery | undefined {
    if (text === undefined) {
      this.told.say(this.#place.path, `has no query; allowed: query, or one of ${SHORT_FORMS.join(', ')}`);
      return undefined;
    }
    const own = Object.fromEntries(Object.entries(params).filter(([name]) => options.names.includes(name)));
    return this.told.attempt([...this.#place.path, ...at], () => compileQuery(text, own, options), this.#queryLineOf(at));
  }

  #conditions(written: WrittenRule): Conditions | undefined {
    const { path } = this.#place;
    const parse = (at: Path, text: string) => this.told.attempt([...path, ...at], () => parseCondition(text));
    const parseClear = () => (written.clear_when === undefined ? undefined : parse(['clear_when'], written.clear_when));
    if ((written.fire_when === undefined) === (written.steps === undefined)) {
      const given = written.steps === undefined ? 'has neither fire_when nor steps' : 'has fire_when and steps';
      this.told.say(path, `${given}; allowed: fire_when, or steps with a fire_when each`);
      return undefined;
    }
    if (written.steps === undefined) {
      const fireWhen = parse(['fire_when'], written.fire_when ?? '');
      const clearWhen = parseClear();
      return fireWhen === undefined ? undefined : { fireWhen, clearWhen, steps: [] };
    }
    const severities = written.steps.map(({ severity }) => severity);
    const steps = written.steps.flatMap(({ severity, fire_when }, index) => {
      if (severities.indexOf(severity) < index)
        this.told.say([...path, 'steps', index, 'severity'], `"${severity}" is there twice`);
      const fireWhen = parse(['steps', index, 'fire_when'], fire_when);
      return fireWhen === undefined ? [] : [{ severity, fireWhen }];
    });
    if (written.labels?.['severity'] !== undefined)
      this.told.say([...path, 'labels', 'severity'], 'is given by the steps; allowed: a severity in each step alone');
    const clearWhen = parseClear();
    return steps.length === 0 ? undefined : { fireWhen: anyOf(steps.map(({ fireWhen }) => fireWhen)), clearWhen, steps };
  }

  /** @param isGiven false: it is that of a short form, and has no line */
  #context(context: WrittenRule['context'], params: Rule['params'], isGiven: boolean): Rule['context'] {
    if (context === undefined) return undefined;
    const compiled = this.#query(context.query, ['context', 'query'], params, {
      names: parametersIn(context.query),
      hasLabels: true,
    });
    const queryLine = isGiven ? this.#queryLineOf(['context', 'query']) : undefined;
    return compiled === undefined ? undefined : { ...context, queryLine, compiled };
  }

  #expect(expect: WrittenRule['expect'], params: Rule['params']): Rule['expect'] {
    if (expect === undefined || 'length' in expect) return expect ?? RULE_DEFAULTS.expect;
    const compiled = this.#query(expect.query, ['expect', 'query'], params, { names: parametersIn(expect.query) });
    const queryLine = this.#queryLineOf(['expect', 'query']);
    return compiled === undefined ? RULE_DEFAULTS.expect : { ...expect, queryLine, compiled };
  }

  #annotations(texts: Readonly<Record<string, string>>): Rule['annotations'] {
    const { path } = this.#place;
    return Object.fromEntries(
      Object.entries(texts).flatMap(([name, text]) => {
        const annotation = this.told.attempt([...path, 'annotations', name], () => parseAnnotation(text));
        return annotation === undefined ? [] : [[name, annotation] as const];
      }),
    );
  }

  #checkFor(given: WrittenRule['for']): void {
    if (typeof given !== 'object' || given.samples <= given.of) return;
    const message = `got ${given.samples} samples of ${given.of}; allowed: at most as many as "of" says`;
    this.told.say([...this.#place.path, 'for', 'samples'], message);
  }

  /** Two rules of one name would have one state between them. */
  #checkNames(uid: string | undefined): void {
    const { group, source } = this.#place;
    if ((group === TARGET_GROUP && source.file !== TARGET_FILE) || group.startsWith(OWN_UID))
      this.told.say([], `the group "${group}" is Keepwatch's own; allowed: another name`);
    if (uid?.startsWith(OWN_UID) === true)
      this.told.say(['uid'], `got "${uid}"; allowed: a uid that does not begin with "${OWN_UID}"`);
  }

  #checkReceivers(names: readonly string[]): void {
    const { receivers, path } = this.#place;
    for (const [index, name] of names.entries()) {
      if (receivers?.includes(name) !== false) continue;
      const allowed = receivers.length > 0 ? receivers.join(', ') : 'none, as no receiver is configured';
      this.told.say([...path, 'notify', index], `there is no receiver "${name}"; allowed: ${allowed}`);
    }
  }

  #queryLineOf(at: Path): number | undefined {
    const { queryLineOf, path } = this.#place;
    return queryLineOf === undefined ? 1 : queryLineOf([...path, ...at]);
  }
}

/** Those that the query itself has to read: all but those which only context or expect read. */
function paramsOfQuery({ query, params = {}, context, expect }: WrittenRule): string[] {
  const own = parametersIn(query ?? '');
  const elsewhere = [context?.query, expect !== undefined && 'query' in expect ? expect.query : undefined].flatMap((text) =>
    text === undefined ? [] : parametersIn(text),
  );
  return Object.keys(params).filter((name) => own.includes(name) || !elsewhere.includes(name));
}

/** Names of the parameters in a query; none where it is no SQL, which compileQuery tells. */
function parametersIn(query: string): string[] {
  try {
    return tokenizeSql(query).flatMap(({ type, text }) => (type === 'parameter' ? [text] : []));
  } catch {
    return [];
  }
}
