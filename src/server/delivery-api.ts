// The routes of /api/v1 about what people do with messages: silences, acknowledgements, and the log of deliveries.
import type { Request } from 'express';
import type { z } from 'zod';
import type { Routes } from './alert-routes.ts';
import { noParameters, versionOf } from './alerts-parameters.ts';
import { parse } from './api-query.ts';
import type { Answer } from './api-responses.ts';
import { actorOf, created, found, type Outcome, settled, tagged } from './change-answer.ts';
import {
  deliveryParameters,
  incidentParameters,
  parseDeliveriesQuery,
  silenceChangeParameters,
  silenceParameters,
  silencesParameters,
} from './delivery-parameters.ts';
import type {
  acknowledgementData,
  deliveriesData,
  deliveryDetailData,
  silenceChangesData,
  silenceData,
  silencesData,
} from './delivery-responses.ts';
import { readJsonBody } from './json-body.ts';

type Data<Schema extends z.ZodType> = Answer<z.output<Schema>>;

interface SilencesQuery extends Omit<z.output<typeof silencesParameters>, 'created_by'> {
  readonly createdBy: string | undefined;
}

/** Whatever is no silence rejects with ERR_USAGE. */
interface Silences {
  list(query: SilencesQuery): Promise<Data<typeof silencesData>>;
  read(id: string): Promise<Data<typeof silenceData> | undefined>;
  /** Undefined: there never was such a silence. */
  changes(id: string): Promise<Data<typeof silenceChangesData> | undefined>;
  create(given: unknown, actor: string): Promise<Data<typeof silenceData>>;
  replace(id: string, version: number, given: unknown, actor: string): Promise<Outcome<Data<typeof silenceData>>>;
  expire(id: string, version: number, actor: string): Promise<Outcome<Data<typeof silenceData>>>;
}

/** What any process with a database knows of messages, and what people do about them. */
export interface DeliveryDesk {
  readonly silences: Silences;
  /** Undefined: there is no such incident, or it is not acknowledged. One that is over rejects with ERR_USAGE. */
  readonly acknowledgements: {
    acknowledge(incident: string, given: unknown, actor: string): Promise<Data<typeof acknowledgementData> | undefined>;
    withdraw(incident: string, actor: string): Promise<Data<typeof acknowledgementData> | undefined>;
  };
  readonly log: {
    list(query: ReturnType<typeof parseDeliveriesQuery>): Promise<Data<typeof deliveriesData>>;
    read(id: string): Promise<Data<typeof deliveryDetailData> | undefined>;
  };
}

export interface DeliveryApiOptions {
  /** Undefined: there is no database. */
  readonly delivery?: DeliveryDesk | undefined;
  readonly now: () => number;
}

export function addSilences({ get, post, put, delete: remove }: Routes, { delivery }: DeliveryApiOptions): void {
  const idOf = ({ url, params }: Request) => parse(silenceParameters, url, { id: String(params['id']) }).id;
  const change = ({ url, params, headers }: Request) => {
    const { id, version } = parse(silenceChangeParameters, url, { id: String(params['id']) });
    return { id, version: versionOf(version, headers['if-match']), actor: actorOf(headers) };
  };
  get('/silences', ({ url }) => {
    const { created_by: createdBy, ...query } = parse(silencesParameters, url);
    return () => present(delivery).silences.list({ ...query, createdBy });
  });
  get('/silences/:id', (request) => {
    const id = idOf(request);
    return async (response) => tagged(response, found(await present(delivery).silences.read(id), missingSilence(id)));
  });
  get('/silences/:id/changes', (request) => {
    const id = idOf(request);
    return async () => found(await present(delivery).silences.changes(id), missingSilence(id));
  });
  post('/silences', async (request) => {
    parse(noParameters, request.url);
    const body = await readJsonBody(request);
    return async (response) => {
      const current = await present(delivery).silences.create(body, actorOf(request.headers));
      return created(response, { outcome: 'done', current });
    };
  });
  put('/silences/:id', async (request) => {
    const { id, version, actor } = change(request);
    const body = await readJsonBody(request);
    return async (response) =>
      settled(response, await present(delivery).silences.replace(id, version, body, actor), missingSilence(id));
  });
  remove('/silences/:id', (request) => {
    const { id, version, actor } = change(request);
    return async (response) => settled(response, await present(delivery).silences.expire(id, version, actor), missingSilence(id));
  });
}

export function addAcknowledgements({ post, delete: remove }: Routes, { delivery }: DeliveryApiOptions): void {
  const path = '/alerts/:incident/acknowledgement';
  const incidentOf = ({ url, params }: Request) =>
    parse(incidentParameters, url, { incident: String(params['incident']) }).incident;
  post(path, async (request) => {
    const incident = incidentOf(request);
    const body = await readJsonBody(request);
    return async () => {
      const known = await present(delivery).acknowledgements.acknowledge(incident, body, actorOf(request.headers));
      return found(known, `no incident has the id ${incident}`);
    };
  });
  remove(path, (request) => {
    const incident = incidentOf(request);
    return async () => {
      const known = await present(delivery).acknowledgements.withdraw(incident, actorOf(request.headers));
      return found(known, `no incident with the id ${incident} is acknowledged`);
    };
  });
}

export function addDeliveries({ get }: Routes, { delivery, now }: DeliveryApiOptions): void {
  get('/deliveries', ({ url }) => {
    const query = parseDeliveriesQuery(url, now());
    return () => present(delivery).log.list(query);
  });
  get('/deliveries/:id', ({ url, params }) => {
    const { id } = parse(deliveryParameters, url, { id: String(params['id']) });
    return async () => found(await present(delivery).log.read(id), `no message has the id ${id}`);
  });
}

function present(delivery: DeliveryDesk | undefined): DeliveryDesk {
  if (delivery === undefined) throw new Error('no database: DATABASE_URL is not set');
  return delivery;
}

const missingSilence = (id: string) => `no silence has the id ${id}`;
