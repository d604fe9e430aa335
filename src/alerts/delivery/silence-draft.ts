// Reads what somebody gives as a silence: its matchers as they are meant, and its times against the clock of Postgres. Tells all that is wrong at
// once, each with its place, what was given, and what is allowed.
import { describeError, KeepwatchError } from '../../errors.ts';
import { createMatcher, type Matcher, MatcherError, type MatchOperator, parseMatchers } from '../../routing/matcher.ts';
import { isStorableText } from '../../storable-text.ts';
import { checkDraft } from '../definitions/check-draft.ts';
import { MAX_MATCHERS, matcherList, silenceSchemaOf } from './silence-schema.ts';

/** A matcher as Alertmanager's API has it, and alert_silence keeps it. */
export interface SilenceMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

export interface SilenceDraft {
  readonly matchers: readonly Matcher[];
  readonly startsAt?: Date | undefined;
  /** Either this or `duration`. */
  readonly endsAt?: Date | undefined;
  /** Milliseconds. */
  readonly duration?: number | undefined;
  readonly createdBy: string;
  readonly comment: string;
}

/** From when until when a silence holds. */
export interface SilenceTimes {
  readonly startsAt: Date;
  readonly endsAt: Date;
}

const EMPTY_FORM =
  'allowed: matchers of which one at least does not match a label that is not there; these would mute every alert that lacks them';

const draftSchema = silenceSchemaOf(
  matcherList.transform((written, context): readonly Matcher[] => {
    const matchers = written.flatMap((one, index) => {
      try {
        return typeof one === 'string' ? storable(parseMatchers(one)) : [toMatcher(one)];
      } catch (error) {
        context.addIssue({ code: 'custom', path: [index], message: describeError(error), input: one });
        return [];
      }
    });
    if (context.issues.length > 0) return matchers;
    if (matchers.length > MAX_MATCHERS) context.addIssue(`there are ${matchers.length}; allowed: at most ${MAX_MATCHERS}`);
    else if (!matchers.some((matcher) => !matcher.matches(''))) context.addIssue(EMPTY_FORM);
    return matchers;
  }),
);

/** @throws KeepwatchError ERR_USAGE naming all that is wrong with it */
export function parseSilence(given: unknown): SilenceDraft {
  return checkDraft(draftSchema, given);
}

/** @throws MatcherError when its value is no expression, and has to be one */
export function toMatcher({ name, value, isRegex, isEqual }: SilenceMatcher): Matcher {
  const operator: MatchOperator = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';
  return createMatcher(name, operator, value);
}

export function toSilenceMatcher({ name, value, operator }: Matcher): SilenceMatcher {
  return { name, value, isRegex: operator.endsWith('~'), isEqual: operator.startsWith('=') };
}

/**
 * When a silence holds. What begins in the past begins now, as in Alertmanager; one that holds already has begun when it did.
 * @param nowMs by the clock of Postgres
 * @param before the silence as it stands, where one is changed
 * @throws KeepwatchError ERR_USAGE when it would end before it begins, or has ended
 */
export function settleTimes(
  { startsAt: from, endsAt: until, duration = 0 }: Pick<SilenceDraft, 'startsAt' | 'endsAt' | 'duration'>,
  nowMs: number,
  before?: Pick<SilenceTimes, 'startsAt'>,
): SilenceTimes {
  const now = new Date(nowMs);
  const wanted = from ?? before?.startsAt ?? now;
  const begun = before !== undefined && before.startsAt <= now ? before.startsAt : now;
  const startsAt = wanted <= now ? begun : wanted;
  const endsAt = until ?? new Date(Math.max(startsAt.getTime(), nowMs) + duration);
  const refuse = (allowed: string) => new KeepwatchError('ERR_USAGE', `endsAt: got ${endsAt.toISOString()}; allowed: ${allowed}`);
  if (endsAt <= now) throw refuse(`later than now, ${now.toISOString()} by the clock of Postgres`);
  if (endsAt <= startsAt) throw refuse(`later than startsAt, ${startsAt.toISOString()}`);
  return { startsAt, endsAt };
}

/** An escape may stand for anything. @throws MatcherError */
function storable(matchers: Matcher[]): Matcher[] {
  for (const { name, value } of matchers)
    if (!isStorableText(name + value))
      throw new MatcherError(`${JSON.stringify(name)}: holds NUL or half of a surrogate pair, which Postgres cannot store`);
  return matchers;
}
