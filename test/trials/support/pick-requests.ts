import type { TrialRequest } from './load.ts';
import { type Course, type RequestForm, requestForms } from './request-forms.ts';

export interface PickOptions {
  /** 0 to 1. */
  random(): number;
  /** How often each course is taken, relative to the others. */
  weights: Partial<Record<Course, number>>;
  /** How many of all requests are left by their client, 0 to 1. */
  leavingShare?: number;
}

/** Makes requests, each with a marker that is given once. */
export interface RequestPicker {
  /** Of any form; of the given course, or of one that the weights decide. */
  next(course?: Course): TrialRequest;
  of(form: RequestForm, course: Course): TrialRequest;
}

export function createRequestPicker({ random, weights, leavingShare = 0 }: PickOptions): RequestPicker {
  const courses = Object.entries(weights) as [Course, number][];
  const sum = courses.reduce((total, [, weight]) => total + weight, 0);
  let count = 0;
  const newMarker = () => `m_${String(++count).padStart(6, '0')}`;

  function pickCourse(form: RequestForm): Course {
    let place = random() * sum;
    for (const [course, weight] of courses) {
      place -= weight;
      if (place < 0) return fits(course, form) ? course : 'plain';
    }
    return 'plain';
  }

  return {
    next(course) {
      const form = requestForms[Math.floor(random() * requestForms.length)] as RequestForm;
      return { marker: newMarker(), form, course: course ?? pickCourse(form), leaves: random() < leavingShare };
    },
    of: (form, course) => ({ marker: newMarker(), form, course, leaves: false }),
  };
}

/** A whole answer that breaks off is tried again until patience is over; embeddings never hang. */
function fits(course: Course, { isStreaming, name }: RequestForm): boolean {
  if (course === 'broken off') return isStreaming;
  return course !== 'endless' || name !== 'embedding';
}
