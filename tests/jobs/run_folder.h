#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/requests/items/item.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/store/group_store.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs {

using tests::TempFolder;

/// An item of id "item<N>", with a key that is its own.
requests::Item make_item(int number, int width = 16, int height = 16, int frames = 1);
/// The bytes that make_finished() gives an item: pseudo-random from its seed.
std::vector<std::uint8_t> frame_bytes(const requests::Item& item);
results::FinishedItem make_finished(const requests::Item& item, bool with_latents = false);
results::StoreProvenance make_provenance();
/// Writes requests.jsonl as `run` freezes it.
void write_requests(const results::RunDirectory& run, const std::vector<requests::Item>& items);
/// Files below a folder, relative to it, sorted.
std::vector<std::string> files_below(const std::string& folder);

}  // namespace ditmill::jobs
