//! Delivery for tracefuse: bounded queue, batches, worker thread, accounting.
