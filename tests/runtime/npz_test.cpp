// .npz archives made here byte by byte: arrays by name, and that damaged and hostile files end in
// an error that names the file and the cause.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "runtime/data/loaders.h"
#include "runtime/error.h"
#include "tests/runtime/toy.h"

namespace netc::runtime {
namespace {

using testing::HasSubstr;

std::string little(uint64_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i) out += char(value >> (8 * i) & 255);
  return out;
}

std::string npy(const std::vector<float>& values) {
  std::string head = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                     std::to_string(values.size()) + ",), }";
  head.append(63 - (10 + head.size()) % 64, ' ');
  head += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + little(head.size(), 2) + head +
         std::string(reinterpret_cast<const char*>(values.data()), 4 * values.size());
}

std::string raw_deflate(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(compressBound(content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = uInt(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// A member, with what a hostile writer may change of its directory entry.
struct Member {
  std::string name, content;
  int method = 8;
  bool large = false;  ///< sizes in a ZIP64 field, as numpy.savez writes beyond 4 GiB
  int flags = 0;
  int64_t add_bytes = 0, add_stored = 0, add_offset = 0;
  uint32_t change_crc = 0;
};

std::string zip(const std::vector<Member>& members, bool large_end = false) {
  std::string out, directory;
  for (const Member& m : members) {
    const std::string stored = m.method == 8 ? raw_deflate(m.content) : m.content;
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(m.content.data()), uInt(m.content.size())) ^
        m.change_crc;
    const uint64_t bytes = m.content.size() + uint64_t(m.add_bytes);
    const uint64_t held = stored.size() + uint64_t(m.add_stored);
    const uint64_t offset = out.size() + uint64_t(m.add_offset);
    const std::string middle = little(20, 2) + little(uint64_t(m.flags), 2) +
                               little(uint64_t(m.method), 2) + little(0, 4) + little(crc, 4);
    const std::string extra = m.large ? little(1, 2) + little(24, 2) + little(bytes, 8) +
                                            little(held, 8) + little(offset, 8)
                                      : "";
    auto size = [&](uint64_t value) { return little(m.large ? 0xffffffff : value, 4); };
    directory += "PK\x01\x02" + little(20, 2) + middle + size(held) + size(bytes) +
                 little(m.name.size(), 2) + little(extra.size(), 2) + little(0, 2) + little(0, 8) +
                 size(offset) + m.name + extra;
    out += "PK\x03\x04" + middle + little(stored.size(), 4) + little(m.content.size(), 4) +
           little(m.name.size(), 2) + little(0, 2) + m.name + stored;
  }
  const uint64_t start = out.size(), count = members.size();
  out += directory;
  if (large_end) {
    const uint64_t at = out.size();
    out += "PK\x06\x06" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
           little(count, 8) + little(count, 8) + little(directory.size(), 8) + little(start, 8);
    out += "PK\x06\x07" + little(0, 4) + little(at, 8) + little(1, 4);
  }
  return out + "PK\x05\x06" + little(0, 4) + little(large_end ? 0xffff : count, 2) +
         little(large_end ? 0xffff : count, 2) +
         little(large_end ? 0xffffffff : directory.size(), 4) +
         little(large_end ? 0xffffffff : start, 4) + little(0, 2);
}

const Member kX{"x.npy", npy({1, 2, 3})}, kY{"y.npy", npy({4, 5, 6}), 0};

Dataset load(const toy::TemporaryDirectory& directory, const LoaderCall& call) {
  return load_dataset({call, directory.path()}, {});
}

double value(const Dataset& data, const char* field, int record) {
  return load_number(ElementType::f32, data.splits[0].find(field)->data() + 4 * record);
}

TEST(Npz, ArraysAreFieldsByTheirNames) {
  const toy::TemporaryDirectory directory;
  Member large_x = kX;
  large_x.large = true;
  for (const std::string& file :
       {zip({kX, kY}), zip({kY, {"note.txt", "no array"}, kX}), zip({large_x, kY}),
        zip({kX, kY}, true), zip({kX, kY}) + std::string("ignored")}) {
    // A comment behind the end record is counted in its last two bytes.
    toy::write(directory.file("d.npz"), file);
    for (const LoaderCall& call :
         {LoaderCall{"npy", {{"", std::string("d.npz")}}},
          LoaderCall{"npy", {{"x", std::string("d.npz")}, {"y", std::string("d.npz")}}},
          LoaderCall{"npy", {{"x", std::string("d.npz/x")}, {"y", std::string("d.npz/y.npy")}}}}) {
      const Dataset data = load(directory, call);
      EXPECT_EQ(data.splits[0].records, 3);
      EXPECT_EQ(value(data, "x", 2), 3);
      EXPECT_EQ(value(data, "y", 0), 4);
    }
  }
  const Dataset renamed = load(directory, {"npy", {{"image", std::string("d.npz/y")}}});
  EXPECT_EQ(value(renamed, "image", 1), 5);
}

std::string message(const toy::TemporaryDirectory& directory, const std::string& content) {
  toy::write(directory.file("d.npz"), content);
  try {
    load(directory, {"npy", {{"", std::string("d.npz")}}});
    return "none";
  } catch (const Error& error) {
    EXPECT_STREQ(code(error.fault), "R0602") << error.message;
    EXPECT_THAT(error.message, HasSubstr("d.npz"));
    return error.message;
  }
}

Member changed(const std::function<void(Member&)>& change) {
  Member member = kX;
  change(member);
  return member;
}

TEST(Npz, DamagedAndHostileFilesAreRefused) {
  const toy::TemporaryDirectory directory;
  std::string no_directory = zip({kX});
  no_directory.replace(no_directory.size() - 6, 4, little(0x7fffffff, 4));
  const std::pair<std::string, const char*> files[] = {
      {"", "no end record"},
      {std::string(100'000, 'P'), "no end record"},
      {no_directory, "declares a directory"},
      {zip({changed([](Member& m) { m.flags = 1; })}), "`x.npy` is encrypted"},
      {zip({changed([](Member& m) { m.method = 12; })}), "by method 12, not by deflate"},
      {zip({changed([](Member& m) { m.change_crc = 1; })}), "x.npy: is damaged: its checksum"},
      {zip({changed([](Member& m) { m.content = "text"; })}), "x.npy: is truncated"},
      {zip({changed([](Member& m) {
         m.content[80] = 'x';
         m.method = 0;
         m.add_bytes = 1;
       })}),
       "is 141 bytes, stored as 140"},
      {zip({changed([](Member& m) { m.add_offset = 7; })}), "does not begin where"},
      {zip({changed([](Member& m) { m.add_offset = 1 << 20; })}), "is truncated"},
      {zip({changed([](Member& m) { m.add_stored = 1 << 20; })}), "is truncated"},
      {zip({changed([](Member& m) { m.add_stored = -40; })}), "ends early"},
      {zip({changed([](Member& m) { m.large = true, m.add_bytes = INT64_MAX; })}),
       "impossible size"},
      {zip({changed([](Member& m) { m.large = true, m.add_offset = INT64_MAX / 4; })}),
       "is truncated"},
      {zip({kX, {"y.npy", npy({1, 2})}}), "has 2 records"},
  };
  for (const auto& [content, expected] : files)
    EXPECT_THAT(message(directory, content), HasSubstr(expected));
}

TEST(Npz, MissingArraysAreNamed) {
  const toy::TemporaryDirectory directory;
  toy::write(directory.file("d.npz"), zip({kX, kY}));
  try {
    load(directory, {"npy", {{"image", std::string("d.npz")}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, directory.file("d.npz has no array `image`"));
    EXPECT_EQ(error.notes.at(0), "arrays: x, y");
    EXPECT_EQ(error.helps.at(0), "name one as `FILE.npz/ARRAY`");
  }
  try {
    read_npy(directory.file("d.npz"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, directory.file("d.npz is an archive of arrays"));
    EXPECT_EQ(error.notes.at(0), "arrays: x, y");
  }
}

TEST(Npz, TruncationAtEveryByteAndBitFlipsNeverCrash) {
  const toy::TemporaryDirectory directory;
  const std::string whole = zip({kX, kY});
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(message(directory, whole.substr(0, size)), "none") << size;
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string file = whole;
    file[bit / 8] = char(file[bit / 8] ^ (1 << bit % 8));
    message(directory, file);
  }
}

}  // namespace
}  // namespace netc::runtime
