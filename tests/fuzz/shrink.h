// Makes the bytes of a failing program fewer and smaller while it goes on failing alike.
#pragma once

#include <functional>
#include <string>

#include "tests/fuzz/choices.h"

namespace netc::fuzz {

/// What `failure` says is wrong, without the numbers and names that differ from program to program.
std::string kind_of(const std::string& failure);

/// The least bytes found for which `still_fails`; it is asked at most `most_tries` times.
Bytes shrink(Bytes bytes, const std::function<bool(const Bytes&)>& still_fails,
             int most_tries = 2000);

}  // namespace netc::fuzz
