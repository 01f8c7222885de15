// Checkpoint files. The checksum stands in the metadata of the file that it covers: it is computed
// with zeros in its place.
#include "runtime/checkpoint.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <cstring>

#include "runtime/checksum.h"

namespace netc::runtime {
namespace {

constexpr const char* kVersion = "2";
constexpr std::string_view kChecksumKey = "\"checksum\":\"";
constexpr size_t kDigits = 32;

std::string join(const std::vector<double>& values) {
  return fmt::format("{}", fmt::join(values, " "));
}

Metadata metadata_of(const TrainingState& state) {
  return {{"format", "netc.state"},
          {"version", kVersion},
          {"checksum", std::string(kDigits, '0')},
          {"model", state.model},
          {"program_hash", state.program_hash},
          {"seed", fmt::format("{}", state.seed)},
          {"batch", fmt::format("{}", state.batch)},
          {"records", fmt::format("{}", state.records)},
          {"epoch", fmt::format("{}", state.epoch)},
          {"step", fmt::format("{}", state.step)},
          {"sample", fmt::format("{}", state.sample)},
          {"rows", fmt::format("{}", state.running.rows)},
          {"sums", join(state.running.sums)},
          {"best_loss", fmt::format("{}", state.best_loss)},
          {"best_epoch", fmt::format("{}", state.best_epoch)},
          {"stale_epochs", fmt::format("{}", state.stale_epochs)},
          {"plateau_best", fmt::format("{}", state.plateau.best)},
          {"plateau_bad_epochs", fmt::format("{}", state.plateau.bad_epochs)},
          {"plateau_factor", fmt::format("{}", state.plateau.factor)}};
}

/// Reads the values that metadata_of wrote. The checksum has been verified, so what is missing was
/// left out by another version of netc.
class MetadataReader {
 public:
  explicit MetadataReader(const TensorFile& file) : file_(file) {}

  const std::string& text(const char* key) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end()) throw damaged(key);
    return found->second;
  }
  template <typename T>
  void read(const char* key, T& value) const {
    const std::string& digits = text(key);
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (status != std::errc() || end != digits.data() + digits.size()) throw damaged(key);
  }
  void read(const char* key, std::vector<double>& values) const {
    std::string_view rest = text(key);
    while (!rest.empty()) {
      double value = 0;
      const auto [end, status] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
      if (status != std::errc()) throw damaged(key);
      values.push_back(value);
      rest.remove_prefix(static_cast<size_t>(end - rest.data()));
      if (rest.starts_with(' ')) rest.remove_prefix(1);
    }
  }

 private:
  Error damaged(const char* key) const {
    return Error(Fault::Checkpoint,
                 fmt::format("{}: `{}` is missing or malformed", file_name(file_.path), key))
        .in_file(file_.path);
  }

  const TensorFile& file_;
};

/// Place of the checksum's digits in a header; npos when it is not there exactly once.
size_t checksum_place(std::string_view header) {
  const size_t key = header.find(kChecksumKey);
  if (key == std::string_view::npos) return key;
  const size_t digits = key + kChecksumKey.size();
  const bool fits = digits + kDigits < header.size() && header[digits + kDigits] == '"';
  const bool once = header.find(kChecksumKey, digits) == std::string_view::npos;
  return fits && once ? digits : std::string_view::npos;
}

void verify(const TensorFile& file) {
  const std::span<const std::byte> content = file.content.span();
  std::string header(reinterpret_cast<const char*>(content.data()), file.header_bytes);
  const size_t place = checksum_place(header);
  std::string stored;
  if (place != std::string::npos) {
    stored = header.substr(place, kDigits);
    header.replace(place, kDigits, kDigits, '0');
  }
  Checksum checksum;
  checksum.update(std::as_bytes(std::span(header)));
  checksum.update(content.subspan(file.header_bytes));
  if (stored != checksum.digest()) {
    throw Error(Fault::Checkpoint,
                fmt::format("{} is damaged: its checksum does not match", file_name(file.path)))
        .in_file(file.path);
  }
}

bool exists(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0;
}

}  // namespace

void save_checkpoint(const std::string& directory, const TrainingState& state,
                     std::span<const TensorView> tensors, bool keep_previous) {
  std::string header = safetensors_header(tensors, metadata_of(state));
  Checksum checksum;
  checksum.update(std::as_bytes(std::span(header)));
  Pieces pieces;
  for (const TensorView& tensor : tensors) {
    checksum.update(tensor.bytes);
    pieces.push_back(tensor.bytes);
  }
  header.replace(checksum_place(header), kDigits, checksum.digest());
  pieces.insert(pieces.begin(), std::as_bytes(std::span(header)));
  replace_file(directory + "/" + kStateFile, pieces,
               keep_previous ? directory + "/" + kPreviousStateFile : "");
}

Checkpoint read_checkpoint(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.file = read_safetensors(path, Fault::Checkpoint);
  verify(checkpoint.file);
  const MetadataReader reader(checkpoint.file);
  if (reader.text("format") != "netc.state" || reader.text("version") != kVersion) {
    throw Error(Fault::Checkpoint,
                fmt::format("{} is not a checkpoint of this version of netc", file_name(path)))
        .in_file(path);
  }
  TrainingState& state = checkpoint.state;
  state.model = reader.text("model");
  state.program_hash = reader.text("program_hash");
  reader.read("seed", state.seed);
  reader.read("batch", state.batch);
  reader.read("records", state.records);
  reader.read("epoch", state.epoch);
  reader.read("step", state.step);
  reader.read("sample", state.sample);
  reader.read("rows", state.running.rows);
  reader.read("sums", state.running.sums);
  reader.read("best_loss", state.best_loss);
  reader.read("best_epoch", state.best_epoch);
  reader.read("stale_epochs", state.stale_epochs);
  reader.read("plateau_best", state.plateau.best);
  reader.read("plateau_bad_epochs", state.plateau.bad_epochs);
  reader.read("plateau_factor", state.plateau.factor);
  return checkpoint;
}

Checkpoint newest_checkpoint(const std::string& directory) {
  const std::string newest = directory + "/" + kStateFile;
  const std::string previous = directory + "/" + kPreviousStateFile;
  std::string reason;
  try {
    return read_checkpoint(newest);
  } catch (const Error& error) {
    if (error.fault != Fault::Checkpoint && error.fault != Fault::Memory) throw;
    reason = error.message;
  }
  const auto with_cure = [&](Error error) {
    error.in_file(directory);
    if (!exists(directory + "/" + kWeightsFile)) return error;
    return error.help(fmt::format("its weights can start a new run: `netc train PROGRAM --init {}`",
                                  printable(directory)));
  };
  if (!exists(newest) && !exists(previous)) {
    throw with_cure(Error(Fault::Checkpoint, fmt::format("{} holds no checkpoint (no {})",
                                                         printable(directory), kStateFile)));
  }
  try {
    Checkpoint checkpoint = read_checkpoint(previous);
    checkpoint.note = fmt::format("{}; resuming from {}", reason, kPreviousStateFile);
    return checkpoint;
  } catch (const Error& error) {
    throw with_cure(
        Error(Fault::Checkpoint, fmt::format("{} holds no whole checkpoint", printable(directory))))
        .note(reason)
        .note(error.message);
  }
}

}  // namespace netc::runtime
