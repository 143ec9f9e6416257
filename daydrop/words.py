"""What Daydrop says about an upload, one sentence a case, in English and Chinese.

The drive, the page, the receipt and the log all use the same sentence.
A sentence says what happened and what to do next. `{…}` is filled with facts; sizes and times are
made readable here, so that callers hand over plain numbers.
"""

from collections.abc import Mapping
from enum import StrEnum


class Language(StrEnum):
    """The languages that the library speaks, as BCP 47 tags."""

    EN = "en"
    ZH_CN = "zh-CN"


Fact = str | int | float | None
Facts = Mapping[str, Fact]

_SENTENCES: dict[str, tuple[str, str]] = {
    # refusals: the key is the code, or the code, a dot and the case
    "unsupported_type": (
        "{name} is not a photo or video: only photos and videos can be uploaded here.",
        "{name} 不是照片或视频：请只上传照片和视频。",
    ),
    "unsupported_type.name": (
        "{name} was not accepted: only photos and videos can be uploaded here.",
        "{name} 的文件类型不受支持：这里只能上传照片和视频。",
    ),
    "unsupported_type.bytes": (
        "{name} does not contain a photo or video, despite its name. Please check the file.",
        "{name} 的内容不是照片或视频，与文件名不符：请检查该文件。",
    ),
    "unsupported_type.folder": (
        "{name} cannot be written here: put files into Upload.",
        "无法写入 {name}：请把文件放入 Upload。",
    ),
    "bad_name": (
        "This name cannot be used: rename the file, without control characters, slashes or '..'.",
        "文件名无效：请去掉控制字符、斜杠或“..”后重试。",
    ),
    "empty_file": (
        "{name} is empty: nothing was stored.",
        "{name} 是空文件：没有保存任何内容。",
    ),
    "file_too_big": (
        "{name} exceeds the limit of a whole batch ({limit}): ask the owner to raise the limit.",
        "{name} 超过单批上限（{limit}）：请联系管理员提高上限。",
    ),
    "file_too_big.announced": (
        "{name} is larger than the {size} announced. Choose the file again.",
        "{name} 超过了声明的大小 {size}：请重新选择文件。",
    ),
    "file_too_big.sidecar": (
        "{name} is too large for a companion file ({limit} at most).",
        "{name} 作为附属文件太大（最多 {limit}）。",
    ),
    "file_too_big.litter": (
        "{name} is too large for a file that a program adds on its own ({limit} at most).",
        "{name} 超过程序自动附带文件的大小上限（{limit}）。",
    ),
    "batch_files": (
        "This batch already holds {limit} files: send the rest in the next batch, in {wait}.",
        "本批已有 {limit} 个文件：请在 {wait}后上传其余文件。",
    ),
    "batch_bytes": (
        "This batch would exceed {limit}: send the rest in the next batch, in {wait}.",
        "本批将超过 {limit}：请在 {wait}后上传其余文件。",
    ),
    "batch_files.explicit": (
        "Over {limit} files: left for the next upload.",
        "超过 {limit} 个文件：留到下一批上传。",
    ),
    "batch_bytes.explicit": (
        "Would exceed {limit}: left for the next upload.",
        "将超过 {limit}：留到下一批上传。",
    ),
    "no_space": (
        "The server is full: nothing was stored. Free some space there, or tell the owner.",
        "服务器空间不足：未保存任何内容；请清理空间或联系管理员。",
    ),
    "read_only": (
        "The store is read-only at the moment: nothing was stored. Tell the owner of the server.",
        "存储目前为只读：未保存任何内容；请联系服务器管理员。",
    ),
    "cut_short": (
        "Only {received} of {size} arrived: nothing was stored. Send {name} again.",
        "只收到 {size} 中的 {received}：未保存任何内容，请重新上传 {name}。",
    ),
    "cut_short.unknown": (
        "The upload was interrupted: nothing was stored. Send {name} again.",
        "上传中断：未保存任何内容，请重新上传 {name}。",
    ),
    "cut_short.kept": (
        "The upload of {name} was interrupted: {received} of {size} are kept. Resume from there.",
        "{name} 传输中断：已保留 {size} 中的 {received}，请从该处继续。",
    ),
    "stalled": (
        "The upload stalled: nothing was stored. Send {name} again.",
        "上传停滞：未保存任何内容，请重新上传 {name}。",
    ),
    "stalled.kept": (
        "The upload of {name} stalled: {received} of {size} are kept. Resume from there.",
        "{name} 上传停滞：已保留 {size} 中的 {received}，请从该处继续。",
    ),
    "checksum_mismatch": (
        "{name} was damaged on the way ({algorithm} differs): nothing was stored. Send it again.",
        "{name} 在传输中损坏（{algorithm} 不符）：未保存任何内容，请重新上传。",
    ),
    "busy": (
        "Too many uploads at once: try again in {wait}.",
        "同时上传过多：请在 {wait}后重试。",
    ),
    "busy.catalogue": (
        "Another program on the server has the catalogue locked. Close it, or try again in {wait}.",
        "服务器上的另一个程序正锁定目录数据库：请结束该程序，或在 {wait}后重试。",
    ),
    "offset_mismatch": (
        "The upload resumes at byte {offset}; this part begins elsewhere.",
        "上传应从第 {offset} 字节继续，这一部分的起点不符。",
    ),
    "locked": (
        "{name} is being uploaded by another tab or program: wait until it has finished.",
        "{name} 正由另一标签页或程序上传：请等待其完成。",
    ),
    "expired": (
        "The upload session of {name} has expired: choose the file again.",
        "{name} 的上传会话已过期：请重新选择文件。",
    ),
    "expired.undo": (
        "This upload can no longer be undone: ask the owner to delete the files.",
        "此次上传已无法撤销：请联系管理员删除文件。",
    ),
    "expired.trash": (
        "This file cannot be restored: it was uploaded again, or its time in the trash is over.",
        "无法恢复该文件：它已重新上传，或回收站保留期已过。",
    ),
    "internal": (
        "Something went wrong on the server. Give the owner this reference: {reference}.",
        "服务器出错：请将编号 {reference} 告知管理员。",
    ),
    # outcomes
    "filed": (
        "Filed as {place}, based on {why}.",
        "已归入 {place}，依据：{why}。",
    ),
    "filed.live": (
        "Filed as {place}, beside its photo as the video of a Live Photo, based on {why}.",
        "已归入 {place}（实况照片的视频，与照片放在一起），依据：{why}。",
    ),
    "filed.unreadable": (
        "Filed as {place}, based on {why}: its metadata could not be read.",
        "已归入 {place}，依据：{why}（无法读取其元数据）。",
    ),
    "filed.no_date": ("Filed as {place}: {why}.", "已归入 {place}：{why}。"),
    "filed.other": ("Filed as {place}.", "已归入 {place}。"),
    "duplicate": (
        "Already here as {place}: it was not stored again.",
        "已存在：{place}，没有重复保存。",
    ),
    "sidecar": (
        "Kept beside its photo or video as {place}.",
        "已与对应的照片或视频一同保存为 {place}。",
    ),
    "waiting": (
        "Kept until its photo or video arrives.",
        "已暂存，等待对应的照片或视频。",
    ),
    "checksum.unreadable": (
        "The checksum in {unread} could not be read and was ignored.",
        "{unread} 中的校验值无法读取，已忽略。",
    ),
    "staged": (
        "Kept under its temporary name until it is renamed.",
        "已按临时文件名暂存，等待改名。",
    ),
    "litter": (
        "Kept for the program that sent it, but not filed.",
        "已为发送它的程序保留，不归档。",
    ),
    "unfinished": (
        "{name} was never completed by the program that sent it: send it again.",
        "发送程序未完成 {name} 的上传：请重新上传。",
    ),
    # why this day: the key is `why.` and the source of the date
    "why.sidecar_original": (
        "the capture date in its companion file",
        "附属文件中的拍摄时间",
    ),
    "why.quicktime_key": (
        "the recording date that the phone wrote into the video",
        "手机写入视频的录制时间",
    ),
    "why.udta_original": (
        "the capture date in the video's user data",
        "视频用户数据中的拍摄时间",
    ),
    "why.quicktime_day": ("the recording day in the video", "视频中的录制日期"),
    "why.sony_xml": (
        "the recording date that the camera wrote into the video",
        "相机写入视频的录制时间",
    ),
    "why.exif_original": ("the capture date in the photo", "照片的拍摄时间"),
    "why.avi_idit": ("the recording date in the video", "视频内的录制日期"),
    "why.h264_mdpm": (
        "the recording date that the camcorder wrote into the video stream",
        "摄像机写入视频流的录制时间",
    ),
    "why.thumbnail": (
        "the capture date in the thumbnail beside the video",
        "视频缩略图文件中的拍摄时间",
    ),
    "why.sidecar_digitized": (
        "the date of digitisation in its companion file",
        "附属文件中的数字化时间",
    ),
    "why.exif_digitized": ("the date of digitisation in the photo", "照片的数字化时间"),
    "why.xmp_original": ("the capture date in the photo's XMP", "照片 XMP 中的拍摄时间"),
    "why.sidecar_photoshop": (
        "the creation date in its companion file",
        "附属文件中的创建日期",
    ),
    "why.xmp_photoshop": ("the creation date in the photo's XMP", "照片 XMP 中的创建日期"),
    "why.iptc_created": ("the creation date in the photo's IPTC", "照片 IPTC 中的创建日期"),
    "why.movie_header": ("the recording date in the video", "视频内的录制日期"),
    "why.track_header": (
        "the recording date of a track in the video",
        "视频轨道中的录制日期",
    ),
    "why.matroska": ("the recording date in the video", "视频内的录制日期"),
    "why.asf": ("the recording date in the video", "视频内的录制日期"),
    "why.riff_icrd": ("the creation date in the video", "视频内的创建日期"),
    "why.sidecar_created": (
        "the creation date in its companion file",
        "附属文件中的创建时间",
    ),
    "why.xmp_created": ("the creation date in the photo's XMP", "照片 XMP 中的创建时间"),
    "why.xmp_digitized": (
        "the date of digitisation in the photo's XMP",
        "照片 XMP 中的数字化时间",
    ),
    "why.iptc_digital": (
        "the date of digitisation in the photo's IPTC",
        "照片 IPTC 中的数字化日期",
    ),
    "why.png_text": (
        "the creation time in the image",
        "图片内的创建时间",
    ),
    "why.gps": ("the GPS time in the photo", "照片中的 GPS 时间"),
    "why.exif_modified": (
        "the date of the last edit in the photo, as there is no better one",
        "照片的最后编辑时间（没有更可靠的日期）",
    ),
    "why.takeout": (
        "the capture date in the Google Takeout file beside it",
        "Google Takeout 附属文件中的拍摄时间",
    ),
    "why.name": ("the date in its name", "文件名中的日期"),
    "why.partner": (
        "the date of the file it is paired with",
        "配对文件的日期",
    ),
    "why.owner": (
        "the date set by the owner",
        "管理员设定的日期",
    ),
    "why.folder": (
        "the day of the folder it was found in",
        "文件所在文件夹的日期",
    ),
    "why.none": ("no capture date in the file", "文件中没有拍摄日期"),
    "why.unbelievable": (
        "the dates in the file cannot be correct",
        "文件中的日期不可信",
    ),
    "why.unreadable": (
        "its dates could not be read",
        "无法读取其中的日期",
    ),
    # one line about a date that was found
    "date.chosen": (
        "{source} says {time}: chosen, {reason}.",
        "{source}：{time}，已采用（{reason}）。",
    ),
    "date.unreadable": ("Its metadata could not be read.", "无法读取其元数据。"),
    "date.said": ("{source} says {time}: chosen.", "{source}：{time}，已采用。"),
    "date.agrees": ("{source} says {time}: {reason}.", "{source}：{time}，{reason}。"),
    "date.differs": (
        "{source} says {time}: not used, {reason}.",
        "{source}：{time}，未采用（{reason}）。",
    ),
    "date.rejected": (
        "{source} says {time}: rejected, {reason}.",
        "{source}：{time}，不可信（{reason}）。",
    ),
    # where a moment in UTC belongs: the key is `zone.` and who said so
    "zone.file": (
        "This is {time} local time: the time zone comes from another date in the file.",
        "当地时间为 {time}：时区来自文件中的另一日期。",
    ),
    "zone.name": (
        "This is {time} local time: the time zone follows from the time in its name.",
        "当地时间为 {time}：时区由文件名推得。",
    ),
    "zone.partner": (
        "This is {time} local time: the time zone comes from the file it is paired with.",
        "当地时间为 {time}：时区来自配对文件。",
    ),
    "zone.setting": (
        "Taken as {time}: the time zone is an estimate, from the setting media_timezone.",
        "按 {time} 处理：时区来自设置 media_timezone，为估计值。",
    ),
    "zone.utc_estimated": (
        "Taken as {time}: the time zone is unknown, so UTC is used as an estimate.",
        "按 {time} 处理：时区未知，以 UTC 估计。",
    ),
    # what became of a date that was found: the key is `reason.` and the reason of the rule
    "reason.first_believable": (
        "the most reliable date",
        "最可信的日期",
    ),
    "reason.counted_from_1970": (
        "chosen; the program that wrote it counted from 1970 instead of 1904",
        "已采用；写入程序从 1970 年（而非 1904 年）起算",
    ),
    "reason.same_moment": ("the same moment", "同一时刻"),
    "reason.same_clock": ("the same time on the clock", "同一钟面时间"),
    "reason.same_but_for_zone": (
        "the same time, in another time zone",
        "同一时间，时区不同",
    ),
    "reason.same_day": ("the same day", "同一天"),
    "reason.other_time": ("another time of the same day", "同一天的其他时间"),
    "reason.other_day": (
        "another day; a more reliable source was used",
        "日期不同；采用了更可靠的来源",
    ),
    "reason.overruled.partner": (
        "the date comes from the file it is paired with",
        "日期由配对文件决定",
    ),
    "reason.overruled.folder": (
        "the file was found in the folder of another day",
        "文件位于另一天的文件夹中",
    ),
    "reason.overruled.owner": (
        "the owner set another date",
        "管理员另设了日期",
    ),
    "reason.unset": ("never set", "未设置"),
    "reason.unreadable": (
        "it is not a readable date",
        "无法解析为日期",
    ),
    "reason.impossible": (
        "there is no such date",
        "不存在的日期",
    ),
    "reason.bare_year": (
        "a year alone does not give a day",
        "只有年份，没有具体日期",
    ),
    "reason.too_old": (
        "implausibly early",
        "早得不合常理",
    ),
    "reason.epoch": (
        "the zero point of a clock, not a real date",
        "时钟的起始值，并非真实日期",
    ),
    "reason.clock_start": (
        "the clock was never set",
        "时钟从未校准",
    ),
    "reason.future": (
        "in the future",
        "日期在未来",
    ),
    "reason.cut_short": (
        "the video is incomplete, so the date in its header was ignored",
        "视频不完整，已忽略文件头中的日期",
    ),
}

_UNITS = ("B", "KB", "MB", "GB", "TB")
_UNIT = 1024


def sentence(key: str, facts: Facts, language: Language = Language.EN) -> str:
    """Return the sentence of a case with its facts filled in; raises KeyError."""
    english, chinese = _SENTENCES[key]
    template = chinese if language is Language.ZH_CN else english
    return template.format_map(_Readable(facts, language))


def has_sentence(key: str) -> bool:
    """Return whether there is a sentence under this key."""
    return key in _SENTENCES


def keys() -> tuple[str, ...]:
    """Return all keys, for the tests that hold the languages equal."""
    return tuple(_SENTENCES)


def templates(key: str) -> tuple[str, str]:
    """Both templates of a key, for the tests that hold the languages equal."""
    return _SENTENCES[key]


def readable_size(size: float) -> str:
    """Return a number of bytes for people: `695 KB`, `5 GB` (powers of 1024)."""
    unit = 0
    while size >= _UNIT and unit < len(_UNITS) - 1:
        size, unit = size / _UNIT, unit + 1
    digits = f"{size:.1f}".removesuffix(".0") if size < 10 else f"{size:.0f}"  # noqa: PLR2004  one digit
    return f"{digits} {_UNITS[unit]}"


def readable_wait(seconds: float, language: Language = Language.EN) -> str:
    """Return a time to wait for people: `40 s`, `3 min`."""
    whole = max(1, round(seconds))
    minute = 60
    if whole < 2 * minute:
        return f"{whole} 秒" if language is Language.ZH_CN else f"{whole} s"
    minutes = -(-whole // minute)
    return f"{minutes} 分钟" if language is Language.ZH_CN else f"{minutes} min"


class _Readable(dict[str, str]):
    """Facts as they are shown: bytes and seconds with units, the rest as text."""

    _SIZES = frozenset({"received", "size"})

    def __init__(self, facts: Facts, language: Language) -> None:
        super().__init__({name: self._show(name, fact, language) for name, fact in facts.items()})

    def __missing__(self, name: str) -> str:
        return "?"

    def _show(self, name: str, fact: Fact, language: Language) -> str:
        if name == "wait" and isinstance(fact, int | float):
            return readable_wait(fact, language)
        if name in self._SIZES and isinstance(fact, int | float):
            return readable_size(fact)
        return str(fact)
