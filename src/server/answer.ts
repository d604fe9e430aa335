// The two shapes of every JSON answer, as Prometheus' HTTP API has them.
import type { Response } from 'express';

/** `{"status":"success","data":…}` */
export function sendData(response: Response, data: unknown): void {
  response.setHeader('Cache-Control', 'no-store');
  response.json({ status: 'success', data });
}

/** `{"status":"error","errorType":…,"error":…}` */
export function sendError(response: Response, statusCode: number, errorType: string, error: string): void {
  response.setHeader('Cache-Control', 'no-store');
  response.status(statusCode).json({ status: 'error', errorType, error });
}
