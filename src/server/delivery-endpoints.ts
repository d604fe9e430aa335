// What /api/v1 has about silences, acknowledgements and deliveries, for the OpenAPI document: see api-endpoints.ts.
import { acknowledgementSchema } from '../alerts/delivery/acknowledgement-schema.ts';
import { silenceSchema } from '../alerts/delivery/silence-schema.ts';
import { noParameters } from './alerts-parameters.ts';
import type { Endpoint } from './api-endpoints.ts';
import {
  deliveriesParameters,
  deliveryParameters,
  incidentParameters,
  silenceChangeParameters,
  silenceParameters,
  silencesParameters,
} from './delivery-parameters.ts';
import {
  acknowledgementData,
  deliveriesData,
  deliveryDetailData,
  silenceChangesData,
  silenceData,
  silencesData,
} from './delivery-responses.ts';

const silenceChange = { parameters: silenceChangeParameters, data: silenceData, isVersioned: true };

const SILENCES: readonly Endpoint[] = [
  {
    path: '/silences',
    operationId: 'listSilences',
    summary: 'Silences, those that end last first, page by page.',
    parameters: silencesParameters,
    data: silencesData,
  },
  {
    path: '/silences/{id}',
    operationId: 'getSilence',
    summary: 'A silence.',
    parameters: silenceParameters,
    data: silenceData,
  },
  {
    path: '/silences/{id}/changes',
    operationId: 'listSilenceChanges',
    summary: 'Who changed a silence, and how.',
    parameters: silenceParameters,
    data: silenceChangesData,
  },
  {
    method: 'post',
    path: '/silences',
    operationId: 'createSilence',
    summary: 'Makes a silence: nobody is told of the alerts that it matches.',
    parameters: noParameters,
    body: silenceSchema,
    data: silenceData,
    success: 201,
  },
  {
    method: 'put',
    path: '/silences/{id}',
    operationId: 'replaceSilence',
    summary: 'Changes a silence that is not over.',
    body: silenceSchema,
    ...silenceChange,
  },
  {
    method: 'delete',
    path: '/silences/{id}',
    operationId: 'expireSilence',
    summary: 'Ends a silence now; it stays readable for 30 days.',
    ...silenceChange,
  },
];

const ACKNOWLEDGEMENTS: readonly Endpoint[] = [
  {
    method: 'post',
    path: '/alerts/{incident}/acknowledgement',
    operationId: 'acknowledgeIncident',
    summary: 'Notes that somebody works on an open incident: it is neither repeated nor escalated.',
    parameters: incidentParameters,
    body: acknowledgementSchema,
    data: acknowledgementData,
  },
  {
    method: 'delete',
    path: '/alerts/{incident}/acknowledgement',
    operationId: 'withdrawAcknowledgement',
    summary: 'Takes an acknowledgement back.',
    parameters: incidentParameters,
    data: acknowledgementData,
  },
];

const DELIVERIES: readonly Endpoint[] = [
  {
    path: '/deliveries',
    operationId: 'listDeliveries',
    summary: 'What became of messages, newest first, page by page.',
    parameters: deliveriesParameters,
    data: deliveriesData,
  },
  {
    path: '/deliveries/{id}',
    operationId: 'getDelivery',
    summary: 'A message: what was sent, and what became of each attempt.',
    parameters: deliveryParameters,
    data: deliveryDetailData,
  },
];

export const DELIVERY_ENDPOINTS: readonly Endpoint[] = [...SILENCES, ...ACKNOWLEDGEMENTS, ...DELIVERIES];
