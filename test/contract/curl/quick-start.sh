#!/usr/bin/env bash
# The vendor's curl quick starts: the commands are its documentation's, only the base URL differs.
#
# Usage: BASE_URL=http://127.0.0.1:8790 quick-start.sh
# Needs curl and jq. The last line is «curl: N passed, N failed»; the exit code is 1 if any failed.
set -uo pipefail
shopt -s lastpipe # `… | check` counts in this shell, not in a child
cd "$(dirname "$0")/.."

BASE_URL="${BASE_URL:-http://127.0.0.1:8790}"
DASHSCOPE_API_KEY="${DASHSCOPE_API_KEY:-sk-test}"
passed=0
failed=0

# check NAME FILTER: reads an answer; the jq filter must give true.
check() {
  local answer
  answer=$(cat)
  # Compared with the word, because an empty answer makes `jq -e` succeed.
  if [ "$(jq "$2" 2>/dev/null <<<"$answer")" = true ]; then
    passed=$((passed + 1))
    echo "ok    $1"
  else
    failed=$((failed + 1))
    echo "FAIL  $1: ${answer:0:300}"
  fi
}

# What the vendor's page promises for N texts, as jq filters.
unit='((map(. * .) | add) as $square | $square > 0.999 and $square < 1.001)'
compatible() {
  echo ".object == \"list\" and .model == \"text-embedding-v4\" and (.id | length) == 36
    and [.data[].index] == [range($1)] and all(.data[]; .object == \"embedding\")
    and all(.data[].embedding; length == 1024 and $unit)
    and .usage.prompt_tokens > 0 and .usage.total_tokens == .usage.prompt_tokens"
}
native() {
  echo ".output.embeddings as \$embeddings | [\$embeddings[].text_index] == [range($1)]
    and all(\$embeddings[].embedding; length == 1024 and $unit)
    and .usage.total_tokens > 0 and (.request_id | length) == 36 and (has(\"code\") | not)"
}

curl -sS --location "$BASE_URL/compatible-mode/v1/embeddings" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": "衣服的质量杠杠的"
}' | check 'compatible, shortest' "$(compatible 1)"

curl -sS --location "$BASE_URL/compatible-mode/v1/embeddings" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": "风急天高猿啸哀，渚清沙白鸟飞回，无边落木萧萧下，不尽长江滚滚来",  
    "dimensions": 1024,  
    "encoding_format": "float"
}' | check 'compatible, string' "$(compatible 1)"

curl -sS --location "$BASE_URL/compatible-mode/v1/embeddings" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": [
        "风急天高猿啸哀",
        "渚清沙白鸟飞回", 
        "无边落木萧萧下", 
        "不尽长江滚滚来"
        ],
    "dimensions": 1024,
    "encoding_format": "float"
}' | check 'compatible, list' "$(compatible 4)"

FILE_CONTENT=$(cat texts_to_embedding.txt | jq -Rs .)
curl -sS --location "$BASE_URL/compatible-mode/v1/embeddings" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": ['"$FILE_CONTENT"'],
    "dimensions": 1024,
    "encoding_format": "float"
}' | check 'compatible, file' "$(compatible 1)"

curl -sS --location "$BASE_URL/api/v1/services/embeddings/text-embedding/text-embedding" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": {
        "texts": [
        "衣服的质量杠杠的"
        ]
    }
}' | check 'native, shortest' "$(native 1)"

curl -sS --location "$BASE_URL/api/v1/services/embeddings/text-embedding/text-embedding" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": {
        "texts": [
        "风急天高猿啸哀，渚清沙白鸟飞回，无边落木萧萧下，不尽长江滚滚来"
        ]
    },
    "parameters": {
    	"dimension": 1024,
    	"output_type": "dense"
    }
}' | check 'native, string' "$(native 1)"

curl -sS --location "$BASE_URL/api/v1/services/embeddings/text-embedding/text-embedding" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": {
        "texts": [
          "风急天高猿啸哀",
          "渚清沙白鸟飞回", 
          "无边落木萧萧下", 
          "不尽长江滚滚来"
        ]
    },
    "parameters": {
    	  "dimension": 1024,
    	  "output_type": "dense"
    }
}' | check 'native, list' "$(native 4)"

FILE_CONTENT=$(cat texts_to_embedding.txt | jq -Rs .)
curl -sS --location "$BASE_URL/api/v1/services/embeddings/text-embedding/text-embedding" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "text-embedding-v4",
    "input": {
        "texts": ['"$FILE_CONTENT"']
    },
    "parameters": {
        "dimension": 1024,
        "output_type": "dense"
    }
}' | check 'native, file' "$(native 1)"

# 32 × 32 red pixels.
PICTURE='iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAMAAABEpIrGAAAAA1BMVEX/AAAZ4gk3AAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQ4y2NgGAWjYBSMAuwAAAQgAAFWu83mAAAAAElFTkSuQmCC'
curl -sS --location "$BASE_URL/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding" \
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \
--header 'Content-Type: application/json' \
--data '{
    "model": "multimodal-embedding-v1",
    "input": {
        "contents": [
            {"text": "一张红色的图片"},
            {"image": "data:image/png;base64,'"$PICTURE"'"}
        ]
    }
}' | check 'native, text and picture' '[.output.embeddings[] | [.index, .type, (.embedding | length)]] == [[0, "text", 1024], [1, "image", 1024]]'

# Without -H curl calls its data a form; the server reads it all the same.
curl -sS "$BASE_URL/v1/embeddings" -H 'Authorization: Bearer any' -d '{"model":"text-embedding-v4","input":"你好"}' |
  check 'the one-liner that the server prints' "$(compatible 1)"

curl -sS "$BASE_URL/v1/embeddings" -d '{"model":"text-embedding-v4","input":"你好"}' |
  check 'compatible, no key' '.error.code == "invalid_api_key" and (.request_id | length) == 36'

curl -sS -o /dev/null -w '%{http_code} %{content_type}' "$BASE_URL/api/v1/services/embeddings/text-embedding/text-embedding" \
  -d '{"model":"text-embedding-v4","input":{"texts":["a"]}}' | jq -R . | check 'native, no key' 'startswith("401 application/json")'

echo "curl: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
