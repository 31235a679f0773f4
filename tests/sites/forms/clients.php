<?php
// libcurl by PHP: posts a form with a file to URL/php-curl. Arguments: URL, file. Writes
// {client: status}.
[, $url, $path] = $argv;
$form = [
    'title' => 'Een meer & bomen', 'tags[0]' => 'a', 'tags[1]' => 'b', 'naïve "x"' => "é漢\r\n--", 'empty' => '',
    'photo' => new CURLFile($path, 'image/jpeg', 'lake näïve "q".jpg'),
    'text' => new CURLStringFile('some text', 'a\\b.txt', 'text/plain'),
];
$curl = curl_init("$url/php-curl");
curl_setopt_array($curl, [CURLOPT_POSTFIELDS => $form, CURLOPT_RETURNTRANSFER => true, CURLOPT_NOPROXY => '*']);
curl_exec($curl);
echo json_encode(['php-curl' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE)]);
