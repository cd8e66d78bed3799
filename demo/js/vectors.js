// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Mixes of layers, cosines, and the plane in which vectors differ most.

const NUM_ITERATIONS = 60;

/** Vectors of fewer than this share of a unit's variance are one point. */
const SMALLEST_VARIANCE = 1e-8;

/**
 * Returns the vectors of some words, normalized to length 1.
 *
 * @param layers one Float32Array per layer, the words' vectors one after another
 * @param width the number of dimensions
 * @param depth 0 for the first layer, 1.5 for halfway between the second and the third
 * @param indices the words
 */
export function mixedVectors(layers, width, depth, indices) {
  const below = Math.min(Math.floor(depth), layers.length - 1);
  const above = Math.min(below + 1, layers.length - 1);
  const share = depth - below;
  const vectors = new Float32Array(indices.length * width);
  indices.forEach((index, row) => {
    let sum = 0;
    for (let at = 0; at < width; at += 1) {
      const from = index * width + at;
      const value = (1 - share) * layers[below][from] + share * layers[above][from];
      vectors[row * width + at] = value;
      sum += value * value;
    }
    const scale = 1 / (Math.sqrt(sum) || 1);
    for (let at = row * width; at < (row + 1) * width; at += 1) {
      vectors[at] *= scale;
    }
  });
  return vectors;
}

/** Returns the cosine of each row with one of them; rows have length 1. */
export function cosines(vectors, width, row) {
  const result = new Float32Array(vectors.length / width);
  for (let other = 0; other < result.length; other += 1) {
    let sum = 0;
    for (let at = 0; at < width; at += 1) {
      sum += vectors[row * width + at] * vectors[other * width + at];
    }
    result[other] = sum;
  }
  return result;
}

/** Returns for each row the most similar other row; -1 if there is none. */
export function nearestRows(vectors, width) {
  return Array.from({ length: vectors.length / width }, (_, row) => {
    const similarities = cosines(vectors, width, row);
    similarities[row] = -Infinity;
    return similarities.reduce((best, value, at) => (at !== row && !(value <= similarities[best]) ? at : best), -1);
  });
}

/**
 * Projects vectors on their first two principal components, by power iteration.
 *
 * Returns `[x, y]` per row. Signs are those that move points least from `previous`, if given.
 */
export function principalPlane(vectors, width, previous = null) {
  const numRows = vectors.length / width;
  const centred = Float64Array.from(vectors);
  for (let at = 0; at < width; at += 1) {
    let mean = 0;
    for (let row = 0; row < numRows; row += 1) {
      mean += vectors[row * width + at] / numRows;
    }
    for (let row = 0; row < numRows; row += 1) {
      centred[row * width + at] -= mean;
    }
  }
  const axes = [0, 1].map((axis) => {
    const scores = principalScores(centred, width);
    const change = previous ? scores.reduce((sum, score, row) => sum + score * previous[row][axis], 0) : 1;
    return change < 0 ? scores.map((score) => -score) : scores;
  });
  return Array.from({ length: numRows }, (_, row) => [axes[0][row], axes[1][row]]);
}

/** Returns the score of each row on the first component, and removes the component from the rows. */
function principalScores(rows, width) {
  const numRows = rows.length / width;
  // Any start will do that is not orthogonal to the component; this one is the same each time.
  let direction = Float64Array.from({ length: width }, (_, at) => Math.sin(at + 1));
  let scores = new Float64Array(numRows);
  for (let iteration = 0; iteration < NUM_ITERATIONS; iteration += 1) {
    const length = Math.hypot(...direction);
    if (length < SMALLEST_VARIANCE) {
      return new Float64Array(numRows);
    }
    direction = direction.map((value) => value / length);
    scores = scores.map((_, row) => {
      let sum = 0;
      for (let at = 0; at < width; at += 1) {
        sum += rows[row * width + at] * direction[at];
      }
      return sum;
    });
    const next = new Float64Array(width);
    for (let row = 0; row < numRows; row += 1) {
      for (let at = 0; at < width; at += 1) {
        next[at] += scores[row] * rows[row * width + at];
      }
    }
    if (iteration < NUM_ITERATIONS - 1) {
      direction = next;
    }
  }
  for (let row = 0; row < numRows; row += 1) {
    for (let at = 0; at < width; at += 1) {
      rows[row * width + at] -= scores[row] * direction[at];
    }
  }
  return scores;
}
